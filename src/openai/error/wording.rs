//! The words in which endpoints say what is wrong.
//!
//! The only place for these words, whether the status of the response is an error's (`error`) or 200
//! (`stated_error`). A row of words must stand in one sentence together, in lower case. Each row is
//! from a server's source or from an error that its users have reported. Sources of the labels:
//! OpenAI, "Error codes"; Azure; Google's `google.rpc.Code`; Anthropic, "Errors"; Alibaba, Tencent
//! and Mistral, "Error codes". Not here: reading a body (`body`).

use super::body::Described;

/// How a cause is told.
pub struct Wordings {
    /// The codes and types that mean it, as whole words: beside an error's status, only a code that
    /// is known must change the meaning of the status.
    codes: &'static [&'static str],
    /// Parts of codes and types that mean it inside a 200. There the label is often the only sign,
    /// and gateways put their own words before and behind it (`Throttling.RateQuota`,
    /// `upstream_rate_limit_error`).
    parts: &'static [&'static str],
    /// The rows of words that mean it. Beside an error's status only: inside a 200, an error
    /// without a label is a failure of the server, which is tried again.
    says: &'static [&'static [&'static str]],
}

impl Wordings {
    /// Whether an error that has a status is told in these words.
    pub(super) fn fit(&self, described: &Described) -> bool {
        described.has_code(self.codes) || described.says(self.says)
    }

    /// Whether one of these labels of an error inside a 200 means it.
    pub fn fit_labels(&self, labels: &[String]) -> bool {
        let means_it = |label: &String| {
            self.codes.contains(&label.as_str())
                || self.parts.iter().any(|part| label.contains(part))
        };
        labels.iter().any(means_it)
    }
}

/// The account has no credit. OpenAI, DeepSeek, Anthropic, xAI, Moonshot, OpenRouter, Zhipu.
pub const NO_CREDIT: Wordings = Wordings {
    codes: &[
        "insufficient_quota",
        "billing_not_active",
        "billing_hard_limit_reached",
        "exceeded_current_quota_error",
        "insufficient_balance",
        "insufficient_user_quota",
        "insufficient_credits",
        "insufficient_funds",
        "payment_required",
        "credits_exhausted",
        "1113",
    ],
    parts: &[
        "insufficient_quota",
        "billing_not_active",
        "billing_hard_limit",
        "insufficient_balance",
        "insufficient_credit",
        "payment_required",
    ],
    says: &[
        &["credit balance is too low"],
        &["insufficient balance"],
        &["insufficient credit"],
        &["insufficient funds"],
        &["account is not active", "billing"],
        &["billing hard limit"],
        &["out of credits"],
        &["used all available credits"],
        &["doesn't have any credits"],
        &["never purchased credits"],
        &["add a payment method"],
    ],
};

/// A filter refused the request. OpenAI, Azure, DashScope, DeepSeek, OpenRouter, Zhipu.
pub const FILTERED: Wordings = Wordings {
    codes: &[
        "content_filter",
        "content_filtered",
        "content_policy_violation",
        "responsibleaipolicyviolation",
        "moderation_blocked",
        "data_inspection_failed",
        "datainspectionfailed",
        "invalid_prompt",
        "1301",
    ],
    parts: &[
        "content_filter",
        "content_policy",
        "data_inspection_failed",
        "moderation",
    ],
    says: &[
        &["content management policy"],
        &["content policy violation"],
        &["content filter", "triggered"],
        &["filtered", "policy"],
        &["flagged", "usage policy"],
        &["flagged", "moderation"],
        &["requires moderation", "flagged"],
        &["inappropriate content"],
        &["content exists risk"],
        &["rejected", "safety system"],
    ],
};

/// The endpoint wants to see again what it said beside its calls. Gemini, Vertex AI, DeepSeek,
/// Moonshot.
pub(super) const NOT_REPEATED: Wordings = Wordings {
    codes: &[],
    parts: &[],
    says: &[
        &["missing", "thought_signature"],
        &["thought signature", "corrupted"],
        &["thought signature", "invalid"],
        &["thought signature", "not valid"],
        &["reasoning_content", "must be passed back"],
        &["reasoning_content", "missing"],
    ],
};

/// The model takes no images. OpenAI, DeepSeek, vLLM, llama.cpp, Groq, Mistral, OpenRouter.
pub(super) const NO_IMAGES: Wordings = Wordings {
    codes: &[
        "image_not_supported",
        "images_not_supported",
        "vision_not_supported",
    ],
    parts: &[],
    says: &[
        &["image", "not support"],
        &["image", "doesn't support"],
        &["image", "unsupported content type"],
        &["image", "unsupported"],
        &["image_url", "only supported by"],
        &["no endpoints found", "image"],
        &["unknown variant", "image_url"],
        &["image_url", "not allowed"],
        &["image_url", "not permitted"],
        &["at most 0 image"],
        &["image", "only accepts text"],
        &["image", "text-only"],
        &["vision", "not support"],
        &["vision", "not enabled"],
        &["multimodal", "not support"],
        &["not a multimodal model"],
        &["not a multi-modal model"],
        &["does not support multimodal"],
        &["content", "must be a string"],
        &["content", "expected a string"],
        &["input should be a valid string"],
        &["missing mmproj"],
        &["provide the mmproj"],
    ],
};

/// The model takes images, but not this one.
pub(super) const BAD_IMAGE: Wordings = Wordings {
    codes: &[
        "invalid_image",
        "invalid_image_format",
        "invalid_base64_image",
        "unsupported_image_media_type",
        "image_parse_error",
        "image_too_large",
        "image_content_policy_violation",
    ],
    parts: &[],
    says: &[
        &["unsupported image"],
        &["image format", "not supported"],
        &["valid image"],
        &["image", "following formats"],
    ],
};

/// There is no such model, or no more. OpenAI, Azure, Groq, Mistral, Ollama, vLLM, Gemini, DeepSeek.
pub(super) const NO_MODEL: Wordings = Wordings {
    codes: &[
        "model_not_found",
        "model_not_available",
        "model_decommissioned",
        "model_deprecated",
        "model_terminated",
        "model_not_exist",
        "modelnotfound",
        "unknown_model",
        "invalid_model",
        "deploymentnotfound",
        "1211",
    ],
    parts: &[],
    says: &[
        &["model", "does not exist"],
        &["model", "doesn't exist"],
        &["model not exist"],
        &["model", "not found"],
        &["models/", "is not found"],
        &["model", "decommissioned"],
        &["model", "has been deprecated"],
        &["model", "has been shut down"],
        &["model", "has been retired"],
        &["model", "is no longer available"],
        &["not a valid model"],
        &["invalid model"],
        &["unknown model"],
        &["no such model"],
        &["unable to access model"],
        &["deployment", "does not exist"],
        &["no endpoints found for"],
        &["no allowed providers are available"],
    ],
};

/// The token limit is larger than the model allows. OpenAI, vLLM, Groq, DeepSeek.
pub(super) const LIMIT_TOO_LARGE: Wordings = Wordings {
    codes: &[],
    parts: &[],
    says: &[
        &["max_tokens", "too large"],
        &["max_completion_tokens", "too large"],
        &["max_tokens", "must be less than"],
        &["max_completion_tokens", "must be less than"],
        &["invalid max_tokens"],
        &["max_tokens", "must be at least"],
    ],
};

/// The conversation is too long for the model. OpenAI, vLLM, llama.cpp, Groq, Anthropic, Gemini,
/// Mistral, LM Studio, Ollama, Moonshot, DashScope, Zhipu.
pub(super) const TOO_LONG: Wordings = Wordings {
    codes: &[
        "context_length_exceeded",
        "context_window_exceeded",
        "model_context_window_exceeded",
        "exceed_context_size_error",
        "request_too_large",
        "string_above_max_length",
        "prompt_too_long",
        "1261",
    ],
    parts: &[],
    says: &[
        &["context length"],
        &["context window"],
        &["context size"],
        &["context_length_exceeded"],
        &["context limit"],
        &["context", "too long"],
        &["prompt is too long"],
        &["prompt too long"],
        &["prompt exceeds"],
        &["prompt contains", "tokens"],
        &["maximum prompt length"],
        &["input is too long"],
        &["input too long"],
        &["input token count", "exceeds"],
        &["input length", "exceeds"],
        &["range of input length"],
        &["maximum allowed input length"],
        &["inputs tokens", "must be <="],
        &["inputs", "max_new_tokens", "must be <="],
        &["exceeded model token limit"],
        &["reduce the length"],
        &["reduce your prompt"],
        &["reduce your message size"],
        &["too many tokens"],
        &["request too large"],
        &["request entity too large"],
        &["string too long"],
        &["exceeds max_seq_len"],
        &["exceeds max_model_len"],
        &["maximum number of tokens"],
    ],
};

/// The endpoint is busy. A status says so by itself, so these words are for errors inside a 200.
pub const BUSY: Wordings = Wordings {
    // OpenAI's types of errors with the status 429. As parts they would be in `invalid_request`.
    codes: &["requests", "tokens"],
    parts: &[
        "rate_limit",
        "ratelimit",
        "too_many_requests",
        "resource_exhausted",
        "throttl",
        "limit_requests",
        "limitexceeded",
        "engine_overloaded",
    ],
    says: &[],
};

/// The key is not accepted, said inside a 200.
pub const UNAUTHORIZED: Wordings = Wordings {
    codes: &[],
    parts: &[
        "invalid_api_key",
        "authentication",
        "permission",
        "unauthenticated",
    ],
    says: &[],
};

/// The request is at fault, said inside a 200. `cause` reads the rest as for a 400.
pub const REJECTED: Wordings = Wordings {
    codes: &[],
    parts: &[
        "invalid_request",
        "invalid_argument",
        "failed_precondition",
        "not_found",
        "context_length_exceeded",
        "unsupported",
    ],
    says: &[],
};
