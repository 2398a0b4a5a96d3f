//! Collapsed borders. Blitz draws the first cell's top border around every cell, which is right
//! where all cells have the same border on all sides and wrong everywhere else: rules under rows,
//! a border around the table only. Such tables get separate borders without spacing, and each
//! edge one of the borders that meet there (CSS 2.2, section 17.6.2).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use blitz_dom::{BaseDocument, LocalName, Node, NodeId};
use style::computed_values::border_collapse::T as BorderCollapse;
use style::properties::LonghandId;
use style::values::specified::border::BorderStyle;
use style::values::specified::box_::{DisplayInside, DisplayOutside};

use super::element::{add_style, inside, unresolved};

/// Cells of a table beyond which it is left as it is.
const CELLS: usize = 20_000;

/// Repairs the tables that need it.
pub(super) fn separate_partial_borders(document: &mut BaseDocument, elements: &[NodeId]) {
    let tables: Vec<NodeId> =
        elements.iter().copied().filter(|&id| is_collapsed_table(document, id)).collect();
    for id in tables {
        let Some(table) = Table::read(document, id) else { continue };
        // A caption becomes a first or last row, whose cell has no border.
        if !table.is_partial() && caption(document, id).is_none() {
            continue;
        }
        let styles = table.resolved();
        let mut mutator = document.mutate();
        for (node, style) in styles {
            add_style(&mut mutator, node, &style);
        }
    }
}

/// How many columns a table has; `None` if it is none, or too large.
pub(super) fn columns(document: &BaseDocument, id: NodeId) -> Option<usize> {
    let inside = inside(document, id)?;
    (inside == DisplayInside::Table).then(|| Table::read(document, id))?.map(|table| table.columns)
}

/// The caption of a table: the first, if there are several.
pub(super) fn caption(document: &BaseDocument, table: NodeId) -> Option<NodeId> {
    document.get_node(table)?.children.iter().copied().find(|&child| {
        document
            .get_node(child)
            .and_then(Node::primary_styles)
            .is_some_and(|style| style.clone_display().outside() == DisplayOutside::TableCaption)
    })
}

/// Percentages of columns count in tables of a fixed layout only: where a table has a width, it gets
/// one.
pub(super) fn fix_columns(document: &mut BaseDocument, elements: &[NodeId]) {
    let mut tables: Vec<NodeId> = elements
        .iter()
        .copied()
        .filter(|&id| inside(document, id) == Some(DisplayInside::TableColumn))
        .filter(|&id| unresolved(document, id, LonghandId::Width).ends_with('%'))
        .filter_map(|id| table_of(document, id))
        .filter(|&id| unresolved(document, id, LonghandId::Width) != "auto")
        .collect();
    tables.dedup();
    let mut mutator = document.mutate();
    for id in tables {
        add_style(&mut mutator, id, "table-layout:fixed");
    }
}

/// The table a column stands in.
fn table_of(document: &BaseDocument, column: NodeId) -> Option<NodeId> {
    let mut at = document.get_node(column)?.parent?;
    if inside(document, at) == Some(DisplayInside::TableColumnGroup) {
        at = document.get_node(at)?.parent?;
    }
    (inside(document, at) == Some(DisplayInside::Table)).then_some(at)
}

fn is_collapsed_table(document: &BaseDocument, id: NodeId) -> bool {
    document.get_node(id).and_then(|node| node.primary_styles()).is_some_and(|styles| {
        styles.clone_display().inside() == DisplayInside::Table
            && styles.clone_border_collapse() == BorderCollapse::Collapse
    })
}

/// One side of a box.
#[derive(Debug, Clone, PartialEq)]
struct Edge {
    width: f32,
    /// As in a declaration.
    style: &'static str,
    color: String,
}

impl Edge {
    fn is_none(&self) -> bool {
        self.width <= 0.0 || matches!(self.style, "none" | "hidden")
    }

    /// Which of two borders is drawn where they meet: hidden beats all, then the wider.
    fn or(self, other: &Edge) -> Edge {
        // A border of style none still computes to a width.
        let loses = self.is_none() || self.width < other.width && !other.is_none();
        if self.style != "hidden" && (other.style == "hidden" || loses) {
            other.clone()
        } else {
            self
        }
    }
}

/// Top, right, bottom, left.
type Edges = [Edge; 4];

struct Cell {
    node: NodeId,
    row: usize,
    column: usize,
    rows: usize,
    columns: usize,
    edges: Edges,
}

struct Table {
    node: NodeId,
    edges: Edges,
    /// Each with the edges of its row and row group joined.
    rows: Vec<(NodeId, Edges)>,
    cells: Vec<Cell>,
    columns: usize,
}

impl Table {
    /// Reads a table's grid; `None` if it has no cells or too many.
    fn read(document: &BaseDocument, id: NodeId) -> Option<Table> {
        let mut table = Table {
            node: id,
            edges: edges(document, id)?,
            rows: Vec::new(),
            cells: Vec::new(),
            columns: 0,
        };
        let mut taken: BTreeSet<(usize, usize)> = BTreeSet::new();
        for row in rows(document, id) {
            let at = table.rows.len();
            table.rows.push((row, edges(document, row)?));
            let mut column = 0;
            for cell in children(document, row, DisplayInside::TableCell) {
                while taken.contains(&(at, column)) {
                    column += 1;
                }
                let (rows, columns) =
                    (span(document, cell, "rowspan"), span(document, cell, "colspan"));
                for r in at..at + rows {
                    for c in column..column + columns {
                        taken.insert((r, c));
                    }
                }
                let edges = edges(document, cell)?;
                table.cells.push(Cell { node: cell, row: at, column, rows, columns, edges });
                if table.cells.len() > CELLS || taken.len() > 4 * CELLS {
                    return None;
                }
                column += columns;
                table.columns = table.columns.max(column);
            }
        }
        (!table.cells.is_empty()).then_some(table)
    }

    /// Whether Blitz would draw it wrongly: not all cells have the same border on all sides, and
    /// there is a border at all.
    fn is_partial(&self) -> bool {
        let first = &self.cells[0].edges[0];
        let uniform = self.cells.iter().flat_map(|cell| &cell.edges).all(|edge| edge == first);
        let bare = |edges: &Edges| edges.iter().all(Edge::is_none);
        let others_bare = self.rows.iter().all(|(_, edges)| bare(edges));
        !(uniform && others_bare && (bare(&self.edges) || !first.is_none()))
    }

    /// The declarations each box gets.
    fn resolved(&self) -> Vec<(NodeId, String)> {
        let mut at = BTreeMap::new();
        for (index, cell) in self.cells.iter().enumerate() {
            for row in cell.row..cell.row + cell.rows {
                for column in cell.column..cell.column + cell.columns {
                    at.insert((row, column), index);
                }
            }
        }
        let neighbour = |row: usize, column: usize| at.get(&(row, column)).map(|&i| &self.cells[i]);
        let mut styles = vec![(self.node, "border-collapse:separate;border-spacing:0;".to_owned())];
        styles[0].1.push_str("border-width:0;");
        styles.extend(self.rows.iter().map(|(row, _)| (*row, "border-width:0;".to_owned())));
        for cell in &self.cells {
            let below = (cell.row + cell.rows).min(self.rows.len());
            let right = cell.column + cell.columns;
            let [own_top, own_right, own_bottom, own_left] = cell.edges.clone();
            let row = &self.rows[cell.row].1;
            let last_row = &self.rows[below - 1].1;
            let mut edges = [None, None, None, None];
            if cell.row == 0 {
                edges[0] = Some(own_top.or(&row[0]).or(&self.edges[0]));
            }
            if cell.column == 0 {
                edges[3] = Some(own_left.or(&row[3]).or(&self.edges[3]));
            }
            edges[1] = Some(match neighbour(cell.row, right) {
                Some(next) => own_right.or(&next.edges[3]),
                None => own_right.or(&row[1]).or(&self.edges[1]),
            });
            edges[2] = Some(match self.rows.get(below) {
                Some((_, next_row)) => {
                    let joined = own_bottom.or(&last_row[2]).or(&next_row[0]);
                    match neighbour(below, cell.column) {
                        Some(next) => joined.or(&next.edges[0]),
                        None => joined,
                    }
                }
                None => own_bottom.or(&last_row[2]).or(&self.edges[2]),
            });
            styles.push((cell.node, declarations(&edges)));
        }
        styles
    }
}

fn declarations(edges: &[Option<Edge>; 4]) -> String {
    let mut out = String::new();
    for (side, edge) in ["top", "right", "bottom", "left"].iter().zip(edges) {
        let _ = match edge {
            Some(edge) if !edge.is_none() => {
                write!(out, "border-{side}:{}px {} {};", edge.width, edge.style, edge.color)
            }
            _ => write!(out, "border-{side}:0;"),
        };
    }
    out
}

/// The rows of a table: header groups first, footer groups last, as they are laid out.
fn rows(document: &BaseDocument, table: NodeId) -> Vec<NodeId> {
    let mut ordered: [Vec<NodeId>; 3] = Default::default();
    let Some(node) = document.get_node(table) else { return Vec::new() };
    for &child in &node.children {
        let rows = || children(document, child, DisplayInside::TableRow);
        match inside(document, child) {
            Some(DisplayInside::TableHeaderGroup) => ordered[0].extend(rows()),
            Some(DisplayInside::TableRowGroup) => ordered[1].extend(rows()),
            Some(DisplayInside::TableRow) => ordered[1].push(child),
            Some(DisplayInside::TableFooterGroup) => ordered[2].extend(rows()),
            _ => {}
        }
    }
    ordered.concat()
}

fn children(document: &BaseDocument, id: NodeId, which: DisplayInside) -> Vec<NodeId> {
    let Some(node) = document.get_node(id) else { return Vec::new() };
    node.children.iter().copied().filter(|&child| inside(document, child) == Some(which)).collect()
}

fn span(document: &BaseDocument, id: NodeId, name: &str) -> usize {
    document
        .get_node(id)
        .and_then(|node| node.attr(LocalName::from(name)))
        .and_then(|value| value.trim().parse::<usize>().ok())
        .unwrap_or(1)
        .clamp(1, 1000)
}

fn edges(document: &BaseDocument, id: NodeId) -> Option<Edges> {
    let styles = document.get_node(id)?.primary_styles()?;
    let border = styles.get_border();
    let current = styles.clone_color();
    let edge = |width: f32, style: BorderStyle, color: &style::values::computed::Color| {
        let color = color.resolve_to_absolute(&current).into_srgb_legacy();
        let [red, green, blue] = [color.components.0, color.components.1, color.components.2]
            .map(|channel| (channel * 255.0).round());
        Edge {
            width,
            style: style_name(style),
            color: format!("rgba({red},{green},{blue},{})", color.alpha),
        }
    };
    Some([
        edge(
            border.border_top_width.0.to_f32_px(),
            border.border_top_style,
            &border.border_top_color,
        ),
        edge(
            border.border_right_width.0.to_f32_px(),
            border.border_right_style,
            &border.border_right_color,
        ),
        edge(
            border.border_bottom_width.0.to_f32_px(),
            border.border_bottom_style,
            &border.border_bottom_color,
        ),
        edge(
            border.border_left_width.0.to_f32_px(),
            border.border_left_style,
            &border.border_left_color,
        ),
    ])
}

fn style_name(style: BorderStyle) -> &'static str {
    match style {
        BorderStyle::None => "none",
        BorderStyle::Hidden => "hidden",
        BorderStyle::Dotted => "dotted",
        BorderStyle::Dashed => "dashed",
        BorderStyle::Double => "double",
        // Collapsed, these are ridge and groove (CSS 2.2, section 17.6.3): drawn solid.
        _ => "solid",
    }
}
