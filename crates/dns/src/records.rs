//! Lookups of records other than addresses, and of the names of an address.

use std::net::IpAddr;
use std::rc::Rc;

use hickory_proto::rr::{Name, RecordType};
use roundtrip_record::{EventId, FaultKind};
use roundtrip_wire::Wire;

use crate::answer::{AnswerContent, Reading};
use crate::host::{Host, Hostname};
use crate::ladder::Ladder;
use crate::local::negative_fault;
use crate::lookup::{Lookup, LookupFault, LookupMode};
use crate::message::{Question, record};
use crate::nsswitch::{Action, Status};
use crate::servers::{ServersAnswer, ServersOutcome};

impl<W: Wire> Ladder<W> {
    /// Looks up records of a type that only name servers have.
    pub(crate) async fn climb_records(
        &self,
        text: &str,
        record_type: RecordType,
        cause: Option<EventId>,
    ) -> Result<Lookup, LookupFault> {
        let name = match text {
            "." => Ok(Hostname::root()),
            text => match Host::parse(text) {
                Ok(Host::Name(name)) => Ok(name),
                Ok(Host::Address(_) | Host::Scoped(..)) => {
                    Err("an address has no records: its names are looked up with -x".to_owned())
                }
                Err(why) => Err(why.to_string()),
            },
        };
        let written = name.as_ref().map_or_else(|_| text.to_owned(), Hostname::to_ascii);
        self.started(&written, vec![record_type.to_string()], cause);
        match name {
            Ok(name) => {
                for candidate in self.candidates(&name) {
                    let verdict = self.ask_for_records(&candidate, record_type).await;
                    if !matches!(verdict, ServersOutcome::None | ServersOutcome::Refused) {
                        break;
                    }
                }
            }
            Err(why) => self.fault(FaultKind::NameFailed { name: written, why }),
        }
        self.end()
    }

    /// Looks up the names of an address.
    pub(crate) async fn climb_reverse(
        &self,
        address: IpAddr,
        cause: Option<EventId>,
    ) -> Result<Lookup, LookupFault> {
        let mut name = Name::from(address);
        name.set_fqdn(true);
        let text = name.to_ascii();
        self.started(&text, vec![RecordType::PTR.to_string()], cause);
        if self.options.mode == LookupMode::Ladder {
            self.switch_reverse(address, &name).await;
        } else {
            self.ask_for_records(&name, RecordType::PTR).await;
        }
        self.end()
    }

    /// Asks the sources of nsswitch.conf for the names of an address.
    async fn switch_reverse(&self, address: IpAddr, name: &Name) {
        let (config, text) = (Rc::clone(self.config()), name.to_ascii());
        for (file, why) in &config.unread {
            self.skip(file, &text, why.clone());
        }
        for service in config.nsswitch.services() {
            let status = match service.name.as_str() {
                "files" => self.hosts_of_address(address, &text),
                "dns" => self.ask_for_records(name, RecordType::PTR).await.status(),
                other => {
                    self.skip(other, &text, "not asked for the names of addresses".into());
                    Status::Unavailable
                }
            };
            if service.action(status) == Action::Return {
                break;
            }
        }
    }

    /// The names to ask for: those of the search list where resolv.conf is used.
    fn candidates(&self, name: &Hostname) -> Vec<Name> {
        match self.options.mode {
            LookupMode::Ladder => {
                let resolv = &self.config().resolv;
                name.candidates(&resolv.search, resolv.ndots)
            }
            LookupMode::Walk | LookupMode::Server(_) => vec![name.name().clone()],
        }
    }

    async fn ask_for_records(&self, name: &Name, record_type: RecordType) -> ServersOutcome {
        let question = Question::new(name.clone(), record_type);
        let resolv = || self.config().resolv.clone();
        let resolv = match self.options.mode {
            LookupMode::Walk => None,
            LookupMode::Server(server) => Some(resolv().of_server(server)),
            LookupMode::Ladder => Some(resolv()),
        };
        let said = match resolv {
            None => self.walk_for(question).await,
            Some(resolv) => {
                let servers = self.turned(&resolv);
                self.question(question, self.upstreams(&servers, &resolv)).await
            }
        };
        self.conclude_records(name, record_type, said)
    }

    fn conclude_records(
        &self,
        name: &Name,
        record_type: RecordType,
        said: ServersAnswer,
    ) -> ServersOutcome {
        self.caused(said.event);
        let text = name.to_ascii();
        let reading: Reading = match said.end {
            Ok(reading) => reading,
            Err(failure) => return self.failed(text, failure),
        };
        let aliases: Vec<String> = reading.aliases.iter().map(Name::to_ascii).collect();
        match &reading.said {
            AnswerContent::Records(records) => {
                self.take_records(text, aliases, records.iter().map(record).collect());
                ServersOutcome::Found
            }
            AnswerContent::NxDomain(negative) => {
                self.fault(negative_fault(&text, &aliases, false, negative.zone(), negative.ttl));
                ServersOutcome::None
            }
            AnswerContent::NoData(negative) if !aliases.is_empty() => {
                self.fault(negative_fault(&text, &aliases, true, negative.zone(), negative.ttl));
                ServersOutcome::None
            }
            AnswerContent::NoData(_) => {
                let record_type = record_type.to_string();
                self.fault(FaultKind::NoRecord { name: text, record_type });
                ServersOutcome::None
            }
            AnswerContent::Alias | AnswerContent::Refused(_) | AnswerContent::Broken(_) => {
                self.useless(text, &reading)
            }
        }
    }
}
