//! For people.

use detcd_api::etcdserverpb::{
    DeleteRangeResponse, PutResponse, RangeResponse, TxnResponse, WatchResponse, response_op,
};
use detcd_api::mvccpb::{Event, KeyValue, event::EventType};

use super::table::{member_cells, status_cells};
use super::{Answer, Health, bytes};
use crate::duration;

struct Page {
    text: Vec<u8>,
    hex: bool,
}

/// The text.
pub(super) fn print(answer: &Answer, hex: bool) -> Vec<u8> {
    let mut page = Page { text: Vec::new(), hex };
    match answer {
        Answer::Put(put) => page.put(put),
        Answer::Range(range) => page.range(range),
        Answer::Values(range) => range.kvs.iter().for_each(|kv| page.bytes(&kv.value)),
        Answer::Del(del) => page.del(del),
        Answer::Txn(txn) => page.txn(txn),
        Answer::Watch(watch) => page.watch(watch),
        Answer::Members(members) => {
            members.members.iter().for_each(|member| page.line(&member_cells(member).join(", ")));
        }
        // It has a text of its own.
        Answer::Report(_) => {}
        Answer::Health(all) => all.iter().for_each(|health| page.health(health)),
        Answer::Status(all) => all
            .iter()
            .for_each(|(endpoint, status)| page.line(&status_cells(endpoint, status).join(", "))),
    }
    page.text
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.extend_from_slice(line.as_bytes());
        self.text.push(b'\n');
    }

    fn bytes(&mut self, part: &[u8]) {
        self.text.extend(bytes(part, self.hex));
        self.text.push(b'\n');
    }

    fn key_value(&mut self, kv: &KeyValue) {
        self.bytes(&kv.key);
        self.bytes(&kv.value);
    }

    fn put(&mut self, put: &PutResponse) {
        self.line("OK");
        put.prev_kv.iter().for_each(|kv| self.key_value(kv));
    }

    fn range(&mut self, range: &RangeResponse) {
        range.kvs.iter().for_each(|kv| self.key_value(kv));
    }

    fn del(&mut self, del: &DeleteRangeResponse) {
        self.line(&del.deleted.to_string());
        del.prev_kvs.iter().for_each(|kv| self.key_value(kv));
    }

    fn txn(&mut self, txn: &TxnResponse) {
        self.line(if txn.succeeded { "SUCCESS" } else { "FAILURE" });
        for response in txn.responses.iter().filter_map(|op| op.response.as_ref()) {
            self.line("");
            match response {
                response_op::Response::ResponsePut(put) => self.put(put),
                response_op::Response::ResponseRange(range) => self.range(range),
                response_op::Response::ResponseDeleteRange(del) => self.del(del),
                response_op::Response::ResponseTxn(txn) => self.txn(txn),
            }
        }
    }

    fn watch(&mut self, watch: &WatchResponse) {
        if watch.events.is_empty() && !watch.canceled {
            let revision = watch.header.as_ref().map_or(0, |header| header.revision);
            self.line(&format!("progress notify: {revision}"));
        }
        watch.events.iter().for_each(|event| self.event(event));
    }

    fn event(&mut self, event: &Event) {
        self.line(match event.r#type() {
            EventType::Put => "PUT",
            EventType::Delete => "DELETE",
        });
        event.prev_kv.iter().for_each(|kv| self.key_value(kv));
        event.kv.iter().for_each(|kv| self.key_value(kv));
    }

    fn health(&mut self, health: &Health) {
        let Health { endpoint, took, error } = health;
        match error {
            None => self.line(&format!(
                "{endpoint} is healthy: successfully committed proposal: took = {}",
                duration::text(*took)
            )),
            Some(error) => {
                eprintln!("{endpoint} is unhealthy: failed to commit proposal: {error}");
            }
        }
    }
}
