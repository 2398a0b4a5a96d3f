//! A validator for the part of JSON Schema 2020-12 that `doc/*.schema.json` use. It is stricter than
//! the standard in one thing: a field that no schema mentions is an error, so that nothing that is
//! written is left undescribed.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// A schema, and the `$defs` that references lead to.
pub(crate) struct Schema {
    root: Value,
    /// Where fields were described: `Type.field` of `$defs` that was met in an instance.
    pub(crate) met: std::cell::RefCell<BTreeSet<String>>,
}

/// The fields of an object that were described.
type Known = BTreeSet<String>;

impl Schema {
    /// Reads a schema.
    pub(crate) fn new(text: &str) -> Self {
        let root = serde_json::from_str(text).expect("a schema is JSON");
        Self { root, met: std::cell::RefCell::default() }
    }

    /// The schema itself.
    pub(crate) fn root(&self) -> &Value {
        &self.root
    }

    /// Whether an instance is as the schema has it; else where it is not, and why.
    pub(crate) fn check(&self, instance: &Value) -> Result<(), String> {
        self.value(instance, &self.root, "$").map(drop)
    }

    fn value(&self, value: &Value, schema: &Value, at: &str) -> Result<Known, String> {
        let known = self.described(value, schema, at)?;
        if let Value::Object(fields) = value {
            let mentions = |name: &&String| !known.contains(*name) && !known.contains("*");
            if let Some(name) = fields.keys().find(mentions) {
                return Err(format!("{at}.{name} is not described"));
            }
        }
        Ok(known)
    }

    fn described(&self, value: &Value, schema: &Value, at: &str) -> Result<Known, String> {
        let Value::Object(schema) = schema else { return Ok(Known::from(["*".into()])) };
        if schema.is_empty() {
            return Ok(Known::from(["*".into()]));
        }
        let mut known = Known::new();
        if let Some(Value::String(reference)) = schema.get("$ref") {
            let name = reference.strip_prefix("#/$defs/").expect("a reference within the schema");
            let target = &self.root["$defs"][name];
            assert!(!target.is_null(), "{reference} leads nowhere");
            let described = self.described(value, target, at)?;
            if let Value::Object(fields) = value {
                let met = fields.keys().filter(|field| described.contains(*field));
                self.met.borrow_mut().extend(met.map(|field| format!("{name}.{field}")));
            }
            known.extend(described);
        }
        scalar(value, schema, at)?;
        self.parts(value, schema, at, &mut known)?;
        self.alternatives(value, schema, at, &mut known)?;
        Ok(known)
    }

    /// What stands within a list or an object.
    fn parts(
        &self,
        value: &Value,
        schema: &Map<String, Value>,
        at: &str,
        known: &mut Known,
    ) -> Result<(), String> {
        if let Value::Object(fields) = value {
            for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
                let name = name.as_str().expect("a name");
                if !fields.contains_key(name) {
                    return Err(format!("{at} has no {name}"));
                }
            }
            for (name, of) in
                schema.get("properties").and_then(Value::as_object).into_iter().flatten()
            {
                known.insert(name.clone());
                if let Some(field) = fields.get(name) {
                    self.part(field, of, &format!("{at}.{name}"))?;
                }
            }
        }
        if let Value::Array(items) = value {
            let first = schema.get("prefixItems").and_then(Value::as_array);
            for (n, item) in items.iter().enumerate() {
                let of = first.and_then(|first| first.get(n)).or_else(|| schema.get("items"));
                if let Some(of) = of {
                    self.part(item, of, &format!("{at}[{n}]"))?;
                }
            }
        }
        Ok(())
    }

    /// A part whose schema says nothing of its fields is described where more than one schema speaks
    /// of it.
    fn part(&self, value: &Value, schema: &Value, at: &str) -> Result<(), String> {
        if schema.get("properties").is_none() && schema.get("const").is_some() {
            return self.described(value, schema, at).map(drop);
        }
        self.value(value, schema, at).map(drop)
    }

    fn alternatives(
        &self,
        value: &Value,
        schema: &Map<String, Value>,
        at: &str,
        known: &mut Known,
    ) -> Result<(), String> {
        for of in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            known.extend(self.described(value, of, at)?);
        }
        for (word, only_one) in [("oneOf", true), ("anyOf", false)] {
            let Some(Value::Array(choices)) = schema.get(word) else { continue };
            let mut fits = Vec::new();
            let mut why = Vec::new();
            for choice in choices {
                match self.described(value, choice, at) {
                    Ok(described) => fits.push(described),
                    Err(error) => why.push(error),
                }
            }
            if fits.is_empty() {
                return Err(format!("{at} fits none of {word}: {}", why.join(" | ")));
            }
            if only_one && fits.len() > 1 {
                return Err(format!("{at} fits {} of {word}", fits.len()));
            }
            known.extend(fits.into_iter().flatten());
        }
        if let Some(not) = schema.get("not")
            && self.described(value, not, at).is_ok()
        {
            return Err(format!("{at} is what it may not be"));
        }
        Ok(())
    }
}

/// What concerns the value alone.
fn scalar(value: &Value, schema: &Map<String, Value>, at: &str) -> Result<(), String> {
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        other => panic!("{other} is no type of JSON"),
    };
    if let Some(kind) = schema.get("type").and_then(Value::as_str)
        && !is(kind)
    {
        return Err(format!("{at} is no {kind}: {value}"));
    }
    if schema.get("const").is_some_and(|only| only != value) {
        return Err(format!("{at} is {value} and not {}", schema["const"]));
    }
    if let Some(Value::Array(words)) = schema.get("enum")
        && !words.contains(value)
    {
        return Err(format!("{at} is {value}, which is none of {words:?}"));
    }
    let number = value.as_f64();
    let limit = |name: &str| schema.get(name).and_then(Value::as_f64);
    if let (Some(number), Some(least)) = (number, limit("minimum"))
        && number < least
    {
        return Err(format!("{at} is {number}, below {least}"));
    }
    if let (Some(number), Some(most)) = (number, limit("maximum"))
        && number > most
    {
        return Err(format!("{at} is {number}, above {most}"));
    }
    let length = value.as_array().map(|items| items.len() as f64);
    if let (Some(length), Some(least), Some(most)) = (length, limit("minItems"), limit("maxItems"))
        && !(least..=most).contains(&length)
    {
        return Err(format!("{at} has {length} items"));
    }
    Ok(())
}
