//! Pages of a list.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::error::unknown_parameter;
use super::values::count;
use crate::http::reply::Reply;

/// Which page of a list is wanted.
pub struct Page {
    /// Counted from 0.
    pub number: usize,
    /// How many items a page has.
    pub size: usize,
}

/// The parameters of a query that choose the page.
const PARAMETERS: [&str; 3] = ["Page", "PageSize", "PageToken"];

impl Page {
    /// Reads the page from a query. The other parameters go to `filter`, which returns whether it
    /// knows them.
    ///
    /// # Errors
    /// An error about the first parameter that cannot be used.
    pub fn read(
        query: &[(String, String)],
        filter: impl FnMut(&str, &str) -> Result<bool, Reply>,
    ) -> Result<Self, Reply> {
        Self::read_up_to(1000, query, filter)
    }

    /// The same with another limit of the items on a page.
    ///
    /// # Errors
    /// As [`Page::read`].
    pub fn read_up_to(
        most: usize,
        query: &[(String, String)],
        mut filter: impl FnMut(&str, &str) -> Result<bool, Reply>,
    ) -> Result<Self, Reply> {
        let mut page = Self {
            number: 0,
            size: 50,
        };
        for (name, value) in query {
            match name.as_str() {
                "Page" => page.number = count(name, value)?,
                "PageSize" => page.size = count(name, value)?.clamp(1, most),
                // Pages are found by their number. The token is only there because Twilio has one.
                "PageToken" => {}
                _ if filter(name, value)? => {}
                _ => return Err(unknown_parameter(name)),
            }
        }
        Ok(page)
    }

    /// The index of its first item.
    pub fn start(&self) -> usize {
        self.number.saturating_mul(self.size)
    }

    /// Its items.
    pub fn items<'i, T>(&self, all: &'i [T]) -> &'i [T] {
        let start = self.start().min(all.len());
        let end = start.saturating_add(self.size).min(all.len());
        all.get(start..end).unwrap_or_default()
    }

    /// The number of the next page of a list of `length` items.
    pub fn next(&self, length: usize) -> Option<usize> {
        let end = self.start().saturating_add(self.size);
        (end < length).then_some(self.number.saturating_add(1))
    }

    /// The number of the previous page.
    pub fn previous(&self) -> Option<usize> {
        self.number.checked_sub(1)
    }

    /// The answer with this page of a list. `name` is the field of its items, `length` counts those of all
    /// pages, and `last` is the SID of the last item on this one.
    pub fn reply(
        &self,
        name: &str,
        items: &[Value],
        length: usize,
        last: Option<&str>,
        (path, query): (&str, &[(String, String)]),
    ) -> Reply {
        let token = last.map(|sid| format!("PA{sid}"));
        let uri = |number: usize| self.uri(path, query, number, None);
        let next_uri = |number: usize| self.uri(path, query, number, token.as_deref());
        let start = self.start();
        let end = start.saturating_add(items.len().saturating_sub(1));
        Reply::json(
            StatusCode::OK,
            json!({
                name: items,
                "first_page_uri": uri(0),
                "previous_page_uri": self.previous().map(uri),
                "next_page_uri": self.next(length).map(next_uri),
                "uri": uri(self.number),
                "page": self.number,
                "page_size": self.size,
                "start": start,
                "end": end
            }),
        )
    }

    /// The answer of Twilio's newer APIs with this page of all items. `name` is their field. Addresses are
    /// absolute, and use the host of the request.
    pub fn with_meta(
        &self,
        name: &str,
        all: &[Value],
        host: &str,
        (path, query): (&str, &[(String, String)]),
    ) -> Reply {
        let path = format!("http://{host}{path}");
        let url = |number: usize| self.uri(&path, query, number, None);
        Reply::json(
            StatusCode::OK,
            json!({
                name: self.items(all),
                "meta": {
                    "first_page_url": url(0),
                    "previous_page_url": self.previous().map(url),
                    "next_page_url": self.next(all.len()).map(url),
                    "url": url(self.number),
                    "key": name,
                    "page": self.number,
                    "page_size": self.size
                }
            }),
        )
    }

    /// The address of page `number` of the list at `path`.
    pub fn uri(
        &self,
        path: &str,
        query: &[(String, String)],
        number: usize,
        token: Option<&str>,
    ) -> String {
        let mut parameters = form_urlencoded::Serializer::new(String::new());
        parameters.extend_pairs(
            query
                .iter()
                .filter(|(name, _)| !PARAMETERS.contains(&name.as_str())),
        );
        parameters.append_pair("PageSize", &self.size.to_string());
        parameters.append_pair("Page", &number.to_string());
        if let Some(token) = token {
            parameters.append_pair("PageToken", token);
        }
        format!("{path}?{}", parameters.finish())
    }
}
