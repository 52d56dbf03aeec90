//! The conversation of a phone: the newest request to the model, without its images.

use serde_json::Value;

/// A request in which each long `data:` URL is replaced with its type and length.
pub fn without_images(mut value: Value) -> Value {
    fn cut(value: &mut Value) {
        match value {
            Value::String(text) if text.starts_with("data:") && text.len() > MAX_INLINE_FILE => {
                let kind = text.split([';', ',']).next().unwrap_or_default();
                *text = format!("{kind}, {} characters", text.len());
            }
            Value::Array(values) => values.iter_mut().for_each(cut),
            Value::Object(fields) => fields.values_mut().for_each(cut),
            _ => {}
        }
    }
    cut(&mut value);
    value
}

/// Longer `data:` URLs are not shown.
const MAX_INLINE_FILE: usize = 200;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn images_in_a_conversation_are_cut_short() {
        let image = format!("data:image/png;base64,{}", "A".repeat(1000));
        let cut = without_images(
            json!({"content": [{"image_url": {"url": image}}, {"text": "data: none"}]}),
        );
        let url = "data:image/png, 1022 characters";
        assert_eq!(
            cut,
            json!({"content": [{"image_url": {"url": url}}, {"text": "data: none"}]})
        );
    }
}
