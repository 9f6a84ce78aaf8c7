use evtx::{EvtxParser, ParserSettings};

use super::*;

fn xml(bytes: Vec<u8>) -> Vec<String> {
    let strict = ParserSettings::new().validate_checksums(true);
    let mut parser = EvtxParser::from_buffer(bytes).unwrap().with_configuration(strict);
    parser.records().map(|record| record.unwrap().data).collect()
}

#[test]
fn both_styles_read_alike() {
    let time = "2019-12-12T11:59:34.4501226Z".parse().unwrap();
    let written = |style| {
        let mut log = EventLogWriter::new().style(style);
        (0..1000).for_each(|number| _ = log.push(&WindowsEvent::other(number, "CM01.corp.example", time)));
        xml(log.bytes())
    };
    let (templates, plain) = (written(BinXmlStyle::Templates), written(BinXmlStyle::Plain));
    assert_eq!(templates.len(), 1000);
    assert_eq!(templates, plain);
}
