//! `Words`: options as they were given.

/// Options in the order in which they were given: long names and values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Words(pub(super) Vec<(String, String)>);

impl Words {
    /// The values of these options, in their common order.
    pub(super) fn of<'a>(
        &'a self,
        options: &'a [&'static str],
    ) -> impl Iterator<Item = (&'static str, &'a str)> {
        self.0.iter().filter_map(|(name, value)| {
            let option = options.iter().find(|option| *option == name)?;
            Some((*option, value.as_str()))
        })
    }
}
