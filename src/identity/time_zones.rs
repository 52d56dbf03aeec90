//! The time zones of the country of a phone number.
//!
//! The country calling code decides. Where the codes of several countries begin alike, the longest beginning counts: in North
//! America the area code. A country with several zones has all of them, because a number does not tell which one its owner is in;
//! in North America that is from the Pacific to the Atlantic, and with the area code of Alaska, Hawaii or the Canadian East also its
//! own zone. Countries whose clocks have agreed all year share a row. Sources: ITU-T E.164, list of country codes; the numbering
//! plan of North America; the time zone database 2025b, `zone1970.tab`. Not here: what a zone's clock says (`platform`).

use super::Address;

/// The zones of the number's country, by their IANA names. `None`: the table does not have its code, as those of satellites.
#[must_use]
pub fn time_zones(number: &Address) -> Option<&'static [&'static str]> {
    let digits = number.id().strip_prefix('+')?;
    let row = |code: &str| {
        let mut rows = ZONES.iter();
        rows.find(|(codes, _)| codes.split(' ').any(|other| other == code))
    };
    let codes = (1..=LONGEST_CODE).rev();
    let mut found = codes.filter_map(|length| row(digits.get(..length)?));
    found.next().map(|(_, zones)| *zones)
}

/// The digits of the longest code in the table.
const LONGEST_CODE: usize = 7;

/// Country calling codes, and the zones of each.
#[rustfmt::skip]
const ZONES: &[(&str, &[&str])] = &[
    ("1", &["America/Los_Angeles", "America/Denver", "America/Phoenix", "America/Chicago", "America/New_York"]),
    ("1242 1649 509", &["America/New_York"]),
    ("1246 1264 1268 1284 1340 1473 1664 1721 1758 1767 1784 1787 1809 1829 1849 1868 1869 1939 297 58 590 591 592 596 599", &["America/Puerto_Rico"]),
    ("1345 1658 1876 507 51 57", &["America/Bogota"]),
    ("1428 1506 1782 1902", &["America/Los_Angeles", "America/Denver", "America/Phoenix", "America/Chicago", "America/New_York", "America/Halifax"]),
    ("1441", &["Atlantic/Bermuda"]),
    ("1670 1671", &["Pacific/Guam"]),
    ("1684 683", &["Pacific/Pago_Pago"]),
    ("1709 1879", &["America/Los_Angeles", "America/Denver", "America/Phoenix", "America/Chicago", "America/New_York", "America/Halifax", "America/St_Johns"]),
    ("1808", &["Pacific/Honolulu", "America/Los_Angeles", "America/Denver", "America/Phoenix", "America/Chicago", "America/New_York"]),
    ("1907", &["America/Adak", "America/Anchorage", "America/Los_Angeles", "America/Denver", "America/Phoenix", "America/Chicago", "America/New_York"]),
    ("20", &["Africa/Cairo"]),
    ("211 218 249 250 257 258 260 263 264 265 266 267 268 27", &["Africa/Johannesburg"]),
    ("212", &["Africa/Casablanca"]),
    ("213 216 227 229 234 235 236 237 240 241 242 244", &["Africa/Lagos"]),
    ("220 221 222 223 224 225 226 228 231 232 233 239 245 290 354", &["Africa/Abidjan"]),
    ("230 248 374 968 971 994 995", &["Asia/Dubai"]),
    ("238", &["Atlantic/Cape_Verde"]),
    ("243", &["Africa/Kinshasa", "Africa/Lubumbashi"]),
    ("251 252 253 254 255 256 261 269 291 375 90 962 963 964 965 966 967 973 974", &["Africa/Nairobi"]),
    ("262", &["Indian/Mayotte", "Indian/Reunion"]),
    ("298 353 44", &["Europe/London"]),
    ("299", &["America/Thule", "America/Nuuk", "America/Danmarkshavn"]),
    ("30 357 358 359 370 371 372 40", &["Europe/Athens"]),
    ("31 32 33 350 352 355 356 36 376 377 378 381 382 383 385 386 387 389 39 41 420 421 423 43 45 46 47 48 49", &["Europe/Berlin"]),
    ("34", &["Atlantic/Canary", "Europe/Madrid"]),
    ("351", &["Atlantic/Azores", "Europe/Lisbon"]),
    ("373", &["Europe/Chisinau"]),
    ("380", &["Europe/Kyiv", "Europe/Simferopol"]),
    ("500 54 594 595 597 598", &["America/Argentina/Buenos_Aires"]),
    ("501 502 503 504 505 506", &["America/Guatemala"]),
    ("508", &["America/Miquelon"]),
    ("52", &["America/Tijuana", "America/Mazatlan", "America/Ciudad_Juarez", "America/Mexico_City", "America/Matamoros", "America/Cancun"]),
    ("53", &["America/Havana"]),
    ("55", &["America/Rio_Branco", "America/Manaus", "America/Sao_Paulo", "America/Noronha"]),
    ("56", &["Pacific/Easter", "America/Santiago", "America/Punta_Arenas"]),
    ("593", &["Pacific/Galapagos", "America/Guayaquil"]),
    ("60 63 65 673 852 853 886", &["Asia/Singapore"]),
    ("61", &["Australia/Perth", "Australia/Eucla", "Australia/Darwin", "Australia/Brisbane", "Australia/Adelaide", "Australia/Sydney", "Australia/Lord_Howe"]),
    ("6189162 95", &["Asia/Yangon"]),
    ("6189164 66 84 855 856", &["Asia/Bangkok"]),
    ("62", &["Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura"]),
    ("64", &["Pacific/Auckland", "Pacific/Chatham"]),
    ("670 680 81 82 850", &["Asia/Tokyo"]),
    ("672", &["Pacific/Norfolk"]),
    ("674 679 681 688 692", &["Pacific/Fiji"]),
    ("675 691", &["Pacific/Port_Moresby", "Pacific/Guadalcanal"]),
    ("676 685 690", &["Pacific/Tongatapu"]),
    ("677 678 687", &["Pacific/Guadalcanal"]),
    ("682", &["Pacific/Rarotonga"]),
    ("686", &["Pacific/Tarawa", "Pacific/Kanton", "Pacific/Kiritimati"]),
    ("689", &["Pacific/Tahiti", "Pacific/Marquesas", "Pacific/Gambier"]),
    ("7", &["Europe/Kaliningrad", "Europe/Moscow", "Europe/Samara", "Asia/Yekaterinburg", "Asia/Omsk", "Asia/Novosibirsk", "Asia/Irkutsk", "Asia/Yakutsk", "Asia/Vladivostok", "Asia/Magadan", "Asia/Kamchatka"]),
    ("76 77 92 960 992 993 998", &["Asia/Karachi"]),
    ("86", &["Asia/Urumqi", "Asia/Shanghai"]),
    ("880 975 996", &["Asia/Dhaka"]),
    ("91 94", &["Asia/Kolkata"]),
    ("93", &["Asia/Kabul"]),
    ("961", &["Asia/Beirut"]),
    ("970", &["Asia/Gaza"]),
    ("972", &["Asia/Jerusalem"]),
    ("976", &["Asia/Hovd", "Asia/Ulaanbaatar"]),
    ("977", &["Asia/Kathmandu"]),
    ("98", &["Asia/Tehran"]),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn zones(number: &str) -> Option<&'static [&'static str]> {
        time_zones(&number.parse().unwrap())
    }

    #[test]
    fn a_number_has_the_zones_of_its_country() {
        for (number, expected) in [
            ("+4930123456", &["Europe/Berlin"][..]),
            ("+442079460000", &["Europe/London"]),
            ("+34911234567", &["Atlantic/Canary", "Europe/Madrid"]),
            ("+18765550100", &["America/Bogota"]),
            ("+77012345678", &["Asia/Karachi"]),
        ] {
            assert_eq!(zones(number), Some(expected), "{number}");
        }
        let mainland = zones("+12125550100").unwrap();
        assert_eq!(zones("+15550100"), Some(mainland));
        assert!(
            mainland.contains(&"America/New_York") && mainland.contains(&"America/Los_Angeles")
        );
        let hawaii = zones("+18085550100").unwrap();
        assert!(hawaii.contains(&"Pacific/Honolulu"));
        assert!(
            mainland.iter().all(|zone| hawaii.contains(zone)),
            "people move"
        );
        assert!(zones("+74951234567").unwrap().len() > 10);
    }

    #[test]
    fn a_code_of_no_country_has_no_zones() {
        for number in [
            "+870773123456",
            "+8816123456",
            "+80012345678",
            "+2101234567",
        ] {
            assert_eq!(zones(number), None, "{number}");
        }
    }

    #[test]
    fn every_code_is_there_once_and_is_found() {
        let codes: Vec<&str> = ZONES
            .iter()
            .flat_map(|(codes, _)| codes.split(' '))
            .collect();
        let different: BTreeSet<_> = codes.iter().collect();
        assert_eq!(different.len(), codes.len());
        assert!(codes.iter().all(|code| code.len() <= LONGEST_CODE));
        assert!(ZONES.iter().all(|(_, zones)| !zones.is_empty()));
    }
}
