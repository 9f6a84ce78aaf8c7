use proptest::prelude::*;

use super::*;

const SID: &str = "S-1-5-80-1-2-3-4-5";
const OTHER: &str = "S-1-5-80-9-9-9-9-9";
const READ: u32 = 0x12_00a9;

/// A service as it is created.
const SERVICE: &str = "D:(A;;CCLCSWRPWPDTLOCRRC;;;SY)(A;;CCDCLCSWRPWPDTLOCRSDRCWDWO;;;BA)(A;;CCLCSWLOCRRC;;;IU)\
                       (A;;CCLCSWLOCRRC;;;SU)";
/// A folder below a drive: all inherited.
const FOLDER: &str = "D:AI(A;OICIID;FA;;;SY)(A;OICIID;FA;;;BA)(A;OICIID;0x1200a9;;;BU)(A;CIID;LC;;;BU)(A;CIID;DC;;;BU)\
                      (A;OICIIOID;GA;;;CO)";
/// One that keeps what is above away, with a denial and entries of kinds that are not understood.
const PROTECTED: &str = "D:PAI(D;;WP;;;WD)(A;OICI;FA;;;BA)(XA;;FX;;;S-1-1-0;(@User.Title==\"a)b\" && (Member_of {SID(BA)})))\
                         (OA;;CR;bf967a86-0de6-11d0-a285-00aa003049e2;;S-1-5-80-1-2-3-4-5)";

fn with(text: &str, rights: u32, inherited: bool) -> Option<String> {
    Dacl::parse(text).unwrap().with(SID, rights, inherited.then_some(rights)).map(|dacl| dacl.to_string())
}

#[test]
fn a_list_is_written_as_it_was_read() {
    for text in [SERVICE, FOLDER, PROTECTED, "D:", "D:P", "D:AI", "D:NO_ACCESS_CONTROL"] {
        assert_eq!(Dacl::parse(text).unwrap().to_string(), text);
    }
    let whole = format!("O:BAG:SY{PROTECTED}S:AI(AU;SAFA;FA;;;WD)");
    assert_eq!(Dacl::parse(&whole).unwrap().to_string(), PROTECTED);
    assert_eq!(Dacl::parse("D:PS:(AU;SAFA;FA;;;WD)").unwrap().to_string(), "D:P");
    assert_eq!(Dacl::parse("").unwrap(), Dacl::Everything);
    for text in ["D:(A;;FA;;;SY", "D:(A;;FA;;;SY))", "O:BA", "D:AI(A;;FA;;;SY)x", "D:(XA;;FX;;;WD;(\"))"] {
        assert!(Dacl::parse(text).is_err(), "{text}");
    }
}

#[test]
fn what_is_inherited_is_known_from_the_letters() {
    for (text, is) in
        [(PROTECTED, true), ("D:P(A;;FA;;;SY)", true), ("D:PARAI", true), (FOLDER, false), ("D:ARAI", false)]
    {
        assert_eq!(Dacl::parse(text).unwrap().is_protected(), is, "{text}");
    }
}

#[test]
fn what_is_given_stands_before_what_is_inherited_and_once() {
    let given = with(FOLDER, READ, true).unwrap();
    assert_eq!(given, FOLDER.replace("D:AI", &format!("D:AI(A;OICI;0x1200a9;;;{SID})")));
    assert_eq!(with(&given, READ, true), None);
    let changed = with(&given, 0x13_01bf, true).unwrap();
    assert_eq!(changed, given.replace("0x1200a9;;;S", "0x1301bf;;;S"));
    let twice = format!("{given}(A;;FR;;;{SID})");
    assert_eq!(with(&twice, READ, true), Some(given.clone()));
    // Windows tells rights in letters where it has some.
    assert_eq!(with(&format!("D:(A;;CCLCLORC;;;{SID})"), 0x2_0085, false), None);
    assert_eq!(
        with(&format!("D:(A;;CCLCLORC;;;{SID})"), 0x2_0085, true),
        Some(format!("D:(A;OICI;0x20085;;;{SID})"))
    );
    assert_eq!(with(SERVICE, 0x2_0085, false), Some(format!("{SERVICE}(A;;0x20085;;;{SID})")));
    assert_eq!(with(PROTECTED, READ, false), Some(format!("{PROTECTED}(A;;0x1200a9;;;{SID})")));
    assert_eq!(with("D:NO_ACCESS_CONTROL", READ, true), None);
    // Another right below than here takes two entries.
    let two = format!("D:P(A;;0x1200a9;;;{SID})(A;OICIIO;0x1301bf;;;{SID})(A;ID;FA;;;SY)");
    for before in [&given.replace("D:AI", "D:P"), "D:P(A;ID;FA;;;SY)", &two] {
        let list = Dacl::parse(before).unwrap();
        let now = list.with(SID, READ, Some(0x13_01bf)).unwrap_or(list);
        assert_eq!(now.granted(&[SID]), Granted { here: READ, below: 0x13_01bf });
        assert_eq!(now.with(SID, READ, Some(0x13_01bf)), None);
    }
    let list = Dacl::parse("D:P(A;ID;FA;;;SY)").unwrap();
    assert_eq!(list.with(SID, READ, Some(0x13_01bf)).unwrap().to_string(), two);
}

#[test]
fn only_what_the_account_was_given_is_taken_back() {
    let without = |text: &str| Dacl::parse(text).unwrap().without(SID).map(|dacl| dacl.to_string());
    for text in [SERVICE, FOLDER, PROTECTED] {
        assert_eq!(without(text), None, "{text}");
        assert_eq!(without(&with(text, READ, true).unwrap()).as_deref(), Some(text));
    }
    // What is inherited goes with the folder above, and who denies has a reason.
    let kept = format!("D:AI(D;;WP;;;{SID})(A;ID;FR;;;{SID})(A;;FR;;;{OTHER})");
    assert_eq!(without(&kept), None);
}

#[test]
fn rights_add_up_over_the_groups_of_an_account() {
    let granted = |text: &str, sids: &[&str]| Dacl::parse(text).unwrap().granted(sids);
    let query = Granted { here: 0x2_018d, below: 0 };
    assert_eq!(granted(SERVICE, &[SID, "SU"]), query);
    assert_eq!(granted(SERVICE, &[SID]), Granted::default());
    assert_eq!(granted(FOLDER, &["BU"]), Granted { here: READ | 0x6, below: READ });
    assert_eq!(granted(FOLDER, &["CO"]), Granted { here: 0, below: 0x1000_0000 });
    // The first word counts.
    let text = format!("D:(D;;RP;;;WD)(A;;RPWP;;;{SID})(D;;WP;;;WD)");
    assert_eq!(granted(&text, &[SID, "WD"]).here, 0x20);
    // A condition may hold or not.
    assert_eq!(granted(PROTECTED, &["S-1-1-0", SID]), Granted::default());
    assert_eq!(granted("D:NO_ACCESS_CONTROL", &[]).here, u32::MAX);
    assert_eq!(granted("D:(A;;131209;;;SY)(A;;ZZ;;;SY)(A;;F;;;SY)", &["SY"]).here, 131_209);
}

proptest! {
    #[test]
    fn no_text_breaks_it(text in "(D:|S:|O:|P|AI|\\(|\\)|A;|;|FA|OICI|0x1f|\"|S-1-5-80-1-2-3-4-5|\\PC){0,40}") {
        if let Ok(dacl) = Dacl::parse(&text) {
            prop_assert_eq!(Dacl::parse(&dacl.to_string()), Ok(dacl.clone()));
            let given = dacl.with(SID, READ, Some(READ)).unwrap_or(dacl);
            prop_assert_eq!(given.granted(&[SID]).below & READ, given.granted(&[SID]).here & READ);
            prop_assert_eq!(given.with(SID, READ, Some(READ)), None);
        }
    }
}
