use proptest::prelude::*;

use super::{
    super::tests::{API, OBJECT, config},
    *,
};

/// Whether a URL may be fetched, and if so, whether with the credentials of [`ACCOUNT`].
fn target(text: &str, base: &str) -> Option<bool> {
    let account = ACCOUNT.parse().unwrap();
    Target::parse(text, &config(base).twilio_api_base_url).map(|target| target.belongs_to(&account))
}

const ACCOUNT: &str = "AC0123456789abcdef0123456789abcdef";
/// A path of that account.
const OWN: &str = "/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages/MM1/Media/ME1";

#[test]
fn only_twilios_hosts_and_the_configured_origin_are_fetched_from() {
    assert_eq!(target(&format!("{API}{OWN}"), API), Some(true));
    for cdn in [
        "https://mms.twiliocdn.com/x?y=z",
        "https://media.eu.twiliocdn.com/",
        "https://mcs.us1.twilio.com/v1/x",
    ] {
        assert_eq!(target(cdn, API), Some(false), "{cdn}");
    }
    assert_eq!(
        target(
            &format!("http://127.0.0.1:8788{OWN}"),
            "http://127.0.0.1:8788"
        ),
        Some(true)
    );
    assert_eq!(
        target("https://api.twilio.com/x", "http://127.0.0.1:8788"),
        Some(false),
        "no credentials for it then"
    );
    for other in [
        "http://api.twilio.com/x",
        "https://twilio.com.example/x",
        "https://eviltwilio.com/x",
        "https://twilio.com/x",
        "https://.twilio.com/x",
        "https://evil.example/.twilio.com",
        "https://evil.example?.twilio.com",
        "https://evil.example#.twilio.com",
        "https://evil.example\\.twilio.com/x",
        "https://api.twilio.com@evil.example/x",
        "https://user:pass@api.twilio.com/x",
        "https://api.twilio.com:8443/x",
        "https://API.twilio.com/x",
        "https://api.twilio.com%2F.evil.example/x",
        "https://api.twi\tlio.com/x",
        " https://api.twilio.com/x",
        "https://xn--é.twilio.com/",
        "https:/api.twilio.com/x",
        "//api.twilio.com/x",
        "/x",
        "ftp://api.twilio.com/x",
        "data:image/png;base64,AAAA",
        "http://127.0.0.1:8788/x",
        "http://169.254.169.254/latest",
        "",
    ] {
        assert_eq!(target(other, API), None, "{other}");
    }
    assert_eq!(
        target("http://127.0.0.1:8789/x", "http://127.0.0.1:8788"),
        None
    );
    assert_eq!(
        target("http://127.0.0.1:87889/x", "http://127.0.0.1:8788"),
        None
    );
}

#[test]
fn only_a_path_of_the_messages_own_account_gets_its_credentials() {
    for host in [
        "api.twilio.com",
        "api.us1.twilio.com",
        "api.dublin.ie1.twilio.com",
        "api.sydney.au1.twilio.com",
        "api.sao-paulo.br1.twilio.com",
        "api.osaka.jp2.twilio.com",
    ] {
        let at = |path: &str| target(&format!("https://{host}{path}"), API);
        assert_eq!(at(OWN), Some(true), "{host}");
        assert_eq!(at(&format!("{OWN}?x=/../y")), Some(true), "{host}");
        for other in [
            "/",
            "/x",
            "/2010-04-01/x",
            "/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef",
            "/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef0/Media/ME1",
            "/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdee/Media/ME1",
            "/2010-04-01/accounts/AC0123456789abcdef0123456789abcdef/Media/ME1",
            "//2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Media/ME1",
            "/2010-04-01/Accounts//AC0123456789abcdef0123456789abcdef/Media/ME1",
            "/v1/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Media/ME1",
            "?/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Media/ME1",
            "/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef%2FMedia/ME1",
        ] {
            assert_eq!(at(other), Some(false), "{host}{other}");
        }
        for climbing in ["/..", "/.", "/%2e%2e", "/.%2E", "/%2E", "/../AC1/x"] {
            assert_eq!(at(&format!("{OWN}{climbing}")), None, "{host} {climbing}");
        }
    }
    for host in [
        "media.dublin.ie1.twilio.com",
        "api.dublin.twilio.com",
        "api.dublin.ie.twilio.com",
        "api.x.dublin.ie1.twilio.com",
        "api.dublin1.ie1.twilio.com",
        "apix.twilio.com",
        "mms.twiliocdn.com",
        "api.twiliocdn.com",
    ] {
        let url = format!("https://{host}{OWN}");
        assert_eq!(target(&url, API), Some(false), "{host}");
    }
    for foreign in [
        "https://api.twilio.com.evil.example",
        "https://api.dublin.ie1.twilio.com.evil.example",
        "https://api.dublin.ie1.eviltwilio.com",
        "https://api.dublin.ie1.twilio.com:444",
        "http://api.dublin.ie1.twilio.com",
        "https://x@api.dublin.ie1.twilio.com",
        "https://API.dublin.ie1.twilio.com",
    ] {
        assert_eq!(target(&format!("{foreign}{OWN}"), API), None, "{foreign}");
    }
    let proxy = "https://proxy.example/twilio";
    assert_eq!(target(&format!("{proxy}{OWN}"), proxy), Some(true));
    assert_eq!(
        target(&format!("https://proxy.example{OWN}"), proxy),
        Some(false)
    );
}

#[test]
fn only_twilios_bucket_is_fetched_from_amazon_s3_and_never_with_credentials() {
    let asked = |url: &str| {
        let target = Target::parse(url, &config(API).twilio_api_base_url)?;
        assert!(!target.belongs_to(&ACCOUNT.parse().unwrap()), "{url}");
        Some(target.url)
    };
    for host in [
        "s3-external-1.amazonaws.com",
        "s3.amazonaws.com",
        "s3.us-east-1.amazonaws.com",
        "s3-us-west-2.amazonaws.com",
        "s3.eu-west-1.amazonaws.com",
        "s3.ap-southeast-2.amazonaws.com",
    ] {
        let url = format!("https://{host}/media.twiliocdn.com/{OBJECT}");
        assert_eq!(asked(&url).as_ref(), Some(&url));
        let signed = format!("{url}?X-Amz-Signature=a%2Fb&X-Amz-Expires=1");
        assert_eq!(asked(&signed).as_ref(), Some(&signed));
        let virtual_hosted = format!("https://media.twiliocdn.com.{host}/{OBJECT}?x=y");
        assert_eq!(
            asked(&virtual_hosted),
            Some(format!("{url}?x=y")),
            "the bucket is asked for by path"
        );
    }
    let own = format!("https://s3-external-1.amazonaws.com{OWN}");
    let paths = [
        "/",
        "/media.twiliocdn.com",
        "/media.twiliocdn.com/",
        "/media.twiliocdn.com?list-type=2",
        "/media.twiliocdn.com/AC0123456789abcdef0123456789abcdef",
        "/media.twiliocdn.com/AC0123456789abcdef0123456789abcdef/",
        "/media.twiliocdn.com/AC0123456789abcdef0123456789abcde/x",
        "/media.twiliocdn.com/AC0123456789abcdef0123456789abcdef//x",
        "/media.twiliocdn.com/XX0123456789abcdef0123456789abcdef/x",
        "/media.twiliocdn.com//AC0123456789abcdef0123456789abcdef/x",
        "//media.twiliocdn.com/AC0123456789abcdef0123456789abcdef/x",
        "/media.twiliocdn.com.evil/AC0123456789abcdef0123456789abcdef/x",
        "/media.twiliocdn.common/AC0123456789abcdef0123456789abcdef/x",
        "/Media.twiliocdn.com/AC0123456789abcdef0123456789abcdef/x",
        "/evil/media.twiliocdn.com/AC0123456789abcdef0123456789abcdef/x",
        "/evil-bucket/AC0123456789abcdef0123456789abcdef/x",
        "/media.twiliocdn.com/../evil/AC0123456789abcdef0123456789abcdef/x",
        "/media.twiliocdn.com/AC0123456789abcdef0123456789abcdef/../../evil/x",
        "/media.twiliocdn.com/AC0123456789abcdef0123456789abcdef/%2e%2e/%2E%2E/evil/x",
        "/media.twiliocdn.com/AC0123456789abcdef0123456789abcdef/..",
        "/media.twiliocdn.com/AC0123456789abcdef0123456789abcdef/.%2e/x",
        "/media.twiliocdn.com/AC0123456789abcdef0123456789abcdef/a%2Fb",
        "/media.twiliocdn.com/AC0123456789abcdef0123456789abcdef/x\\y",
        "/media.twiliocdn.com%2FAC0123456789abcdef0123456789abcdef/x",
        "?/media.twiliocdn.com/AC0123456789abcdef0123456789abcdef/x",
        "#/media.twiliocdn.com/AC0123456789abcdef0123456789abcdef/x",
    ];
    let hosts = [
        "http://s3-external-1.amazonaws.com",
        "https://s3-external-1.amazonaws.com:8443",
        "https://s3-external-1.amazonaws.com:443",
        "https://user@s3-external-1.amazonaws.com",
        "https://user:pass@s3-external-1.amazonaws.com",
        "https://S3-external-1.amazonaws.com",
        "https://s3-external-1.amazonaws.com.",
        "https://s3-external-1.amazonaws.com.evil.example",
        "https://evil.example@s3-external-1.amazonaws.com",
        "https://s3-external-1.amazonaws.com@evil.example",
        "https://s3-external-2.amazonaws.com",
        "https://evils3-external-1.amazonaws.com",
        "https://s3-external-1.amazonaws.com.cn",
        "https://s3-external-1.evilamazonaws.com",
        "https://evil.s3-external-1.amazonaws.com",
        "https://s3.evil.amazonaws.com",
        "https://s3.us-east-1.evil.amazonaws.com",
        "https://amazonaws.com",
        "https://ec2.amazonaws.com",
        "https://s3-external-1.amazonaws\u{ff0e}com",
        "https://s3-external-1.amazonaw\u{17f}.com",
        "https://xn--s3-external-1.amazonaws.com",
    ];
    let plain = paths
        .iter()
        .map(|path| format!("https://s3-external-1.amazonaws.com{path}"));
    let foreign = hosts
        .iter()
        .map(|host| format!("{host}/media.twiliocdn.com/{OBJECT}"));
    let virtual_hosted = [
        "media.twiliocdn.com.evil.s3.amazonaws.com",
        "xmedia.twiliocdn.com.s3.amazonaws.com",
        "media.twiliocdn.coms3.amazonaws.com",
        "media-twiliocdn-com.s3.amazonaws.com",
        "media.twiliocdn.com.s3.amazonaws.com.evil.example",
    ]
    .map(|host| format!("https://{host}/{OBJECT}"));
    for rejected in plain.chain(foreign).chain(virtual_hosted).chain([own]) {
        assert_eq!(asked(&rejected), None, "{rejected}");
    }
}

proptest! {
    #[test]
    fn a_url_is_fetched_only_from_hosts_and_paths_that_every_parser_reads_as_twilios(
        url in r"(https?|HTTPS)://((media\.twiliocdn\.com|api|s3|evil|user@|a:b@)[.@:/]?){0,2}(s3-external-1\.amazonaws\.com|twilio\.com|evil\.example)(:443|:1)?(/|//|\\|/media\.twiliocdn\.com/|/AC0123456789abcdef0123456789abcdef/|\.\.|%2e%2e|%2F|x|\?|#){0,6}"
    ) {
        if let Some(target) = Target::parse(&url, &config(API).twilio_api_base_url) {
            let read = url::Url::parse(&target.url).unwrap();
            let host = read.host_str().unwrap();
            let of_twilio = [".twilio.com", ".twiliocdn.com"].iter().any(|domain| host.ends_with(domain));
            let in_bucket = host == "s3-external-1.amazonaws.com" && read.path().starts_with("/media.twiliocdn.com/AC");
            prop_assert!(of_twilio || in_bucket, "{url} is {read}");
            prop_assert_eq!((read.scheme(), read.port(), read.username()), ("https", None, ""));
        }
    }
}

#[test]
fn a_redirect_leads_to_a_path_or_to_an_allowed_address() {
    let base = config(API).twilio_api_base_url;
    let from = Target::parse("https://api.twilio.com/a/b", &base).unwrap();
    let to = |location: &str| {
        from.redirected(Some(location), &base)
            .map(|target| target.url)
    };
    assert_eq!(
        to("/media/1").as_deref(),
        Some("https://api.twilio.com/media/1")
    );
    assert_eq!(
        to("https://mms.twiliocdn.com/1").as_deref(),
        Some("https://mms.twiliocdn.com/1")
    );
    for rejected in [
        "//evil.example/1",
        "/\\evil.example",
        "https://evil.example/1",
        "http://mms.twiliocdn.com/1",
        "1",
        "",
    ] {
        assert_eq!(to(rejected), None, "{rejected}");
    }
    assert_eq!(from.redirected(None, &base), None);
}
