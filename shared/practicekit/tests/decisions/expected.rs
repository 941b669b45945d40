//! Who may read what, said a second time: plain sets, written from what Confide promises and with nothing of what decides.
//!
//! A change takes effect in stages, because what proves it and what acts upon it are written one after the other. Whoever breaks a
//! request off stops it between two of them, so each change here gives every state that it passes through.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use model::{DataClass, Timestamp};

use crate::clinic::{AUTHOR, File, Person};

/// What a consent says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Agreed {
    pub(crate) classes: Vec<DataClass>,
    pub(crate) purposes: Vec<&'static str>,
    /// The clinician whom alone it lets have something.
    pub(crate) recipient: Option<u8>,
    /// Which client gave it, in a shared file.
    pub(crate) participant: Option<u8>,
    /// Somebody gave it for her as a minor: a parent, or a minor's guardian.
    pub(crate) for_a_minor: bool,
    /// The client gave it herself, and nobody for her.
    pub(crate) by_client: bool,
    /// Who gave it for her.
    pub(crate) guardian: Option<u8>,
    pub(crate) at: Timestamp,
    pub(crate) expires: Option<Timestamp>,
    pub(crate) supersedes: Option<String>,
}

/// How a consent ended that did not end by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Ended {
    Withdrawn,
    Superseded,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Member {
    supervises: bool,
    until: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Right {
    Parent,
    Guardian,
    Nominee,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Acting {
    right: Right,
    reads_records: bool,
    acts: bool,
    since: Timestamp,
    until: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Broken {
    by: u8,
    /// Between these two it ends: a request that was broken off told nobody when exactly.
    until: (Timestamp, Timestamp),
}

/// One file. What was proven, and what is in effect.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Held {
    given: BTreeMap<String, Agreed>,
    ended: BTreeMap<String, Ended>,
    live: BTreeSet<String>,
    restricted: BTreeMap<String, (Option<DataClass>, Option<Person>)>,
    lifted: BTreeSet<String>,
    hidden: BTreeSet<String>,
    team: BTreeMap<u8, Member>,
    guardians: BTreeMap<u8, Acting>,
    minor_until: Option<Timestamp>,
    broken: BTreeMap<String, Broken>,
    refused: BTreeSet<String>,
    unlocked: BTreeSet<String>,
}

/// A clinic as it may be.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Model(BTreeMap<File, Held>);

/// What a request is to bring about.
#[derive(Debug, Clone)]
pub(crate) enum Effect {
    /// Nothing that a read depends on.
    None,
    Open,
    Give {
        id: String,
        agreed: Agreed,
        guardian: Option<u8>,
    },
    Withdraw(String),
    Restrict {
        id: String,
        class: Option<DataClass>,
        from: Option<Person>,
    },
    Lift(String),
    Join {
        who: u8,
        supervises: bool,
        until: Option<Timestamp>,
    },
    Leave(u8),
    Transfer {
        from: u8,
        to: u8,
        handover: Option<Timestamp>,
    },
    Minority(Option<Timestamp>),
    Name {
        who: u8,
        right: Right,
        reads_records: bool,
        until: Option<Timestamp>,
    },
    Activate(u8),
    Remove(u8),
    BreakGlass {
        id: String,
        by: u8,
    },
    Review {
        id: String,
        is_justified: bool,
    },
}

/// What is said of a minority, as far as it ends something.
#[derive(Debug, Clone, Copy)]
struct Ending<'m> {
    /// Her own file, once it is said.
    person: &'m Held,
    /// Which client she is, in a shared file.
    participant: Option<u8>,
    until: Option<Timestamp>,
    now: Timestamp,
}

impl Ending<'_> {
    /// Until when she is a minor, where she is one.
    fn majority(&self) -> Option<Timestamp> {
        self.until.filter(|majority| self.now < *majority)
    }
}

/// When a request was under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
}

impl Held {
    fn is_minor(&self, now: Timestamp) -> bool {
        self.minor_until.is_some_and(|majority| now < majority)
    }

    fn is_current(&self, id: &str, now: Timestamp) -> bool {
        let agreed = &self.given[id];
        agreed.expires.is_none_or(|end| now < end) && (!agreed.for_a_minor || self.is_minor(now))
    }

    /// Whether somebody acts for a minor: a parent does, and a guardian of before she is of age whose right does not go beyond that.
    fn is_for_a_minor(&self, acting: &Acting) -> bool {
        let is_within = |majority: Timestamp| acting.since < majority && acting.until.is_none_or(|end| end <= majority);
        match acting.right {
            Right::Parent => true,
            Right::Guardian => self.minor_until.is_some_and(is_within),
            Right::Nominee => false,
        }
    }

    fn may_act(&self, acting: &Acting, now: Timestamp) -> bool {
        acting.until.is_none_or(|end| now < end) && (self.is_minor(now) || !self.is_for_a_minor(acting))
    }

    /// Forgets what ended by itself: it does not come back where its reason to end is taken back.
    fn forget(&mut self, now: Timestamp) {
        let current = |id: &String| self.is_current(id, now);
        self.live = self.live.iter().filter(|id| current(id)).cloned().collect();
        let before = self.clone();
        self.guardians.retain(|_, acting| before.may_act(acting, now));
    }

    /// Who acts for her, and until when she is a minor, once that is said: whoever acts for a minor goes with it.
    fn said(&self, until: Option<Timestamp>, now: Timestamp) -> Self {
        let mut said = self.clone();
        said.forget(now);
        let before = said.clone();
        match until.filter(|majority| now < *majority) {
            Some(majority) => {
                let minors = said
                    .guardians
                    .values_mut()
                    .filter(|acting| before.is_for_a_minor(acting));
                minors.for_each(|acting| acting.until = acting.until.map(|end| end.min(majority)));
                said.minor_until = until;
            }
            None => said.guardians.retain(|_, acting| !before.is_for_a_minor(acting)),
        }
        said
    }

    /// Whether something was given for her that would go on beyond this majority, by somebody who does not act beyond her minority.
    fn outlasts(&self, id: &str, person: &Self, majority: Timestamp, now: Timestamp) -> bool {
        let agreed = &self.given[id];
        let acting = agreed.guardian.and_then(|who| person.acting(who, now));
        let is_meant = !agreed.by_client && !agreed.for_a_minor && agreed.expires.is_none_or(|end| majority < end);
        is_meant && acting.is_none_or(|acting| person.is_for_a_minor(acting))
    }

    /// What a minority may end of a file: what she gave herself, and what was given for her for too long.
    fn meant(&self, ending: &Ending<'_>) -> Vec<String> {
        let Ending { person, now, .. } = *ending;
        let majority = ending.majority().unwrap_or(now);
        let ids = self.given.keys().filter(|id| {
            let agreed = &self.given[*id];
            agreed.participant == ending.participant && (agreed.by_client || self.outlasts(id, person, majority, now))
        });
        ids.cloned().collect()
    }

    /// Enters as ended what has no effect any more of what was agreed to while she was a minor until then.
    fn enter_ended(&mut self, stages: &mut Vec<Self>, ending: &Ending<'_>, before: Option<Timestamp>) {
        for id in self.meant(ending) {
            let agreed = &self.given[&id];
            let is_open = agreed.expires.is_none_or(|end| ending.now < end) && !self.ended.contains_key(&id);
            let is_minors = before.is_some_and(|majority| agreed.at < majority);
            if is_open && is_minors && !self.live.contains(&id) {
                self.ended.insert(id, Ended::Withdrawn);
                stages.push(self.clone());
            }
        }
    }

    /// Takes the effect of what ends. Of age, she keeps what she gave herself and what has not ended otherwise.
    fn take_effect(&mut self, ending: &Ending<'_>, before: Option<Timestamp>) {
        for id in self.meant(ending) {
            let agreed = &self.given[&id];
            let is_minors = before.is_some_and(|majority| agreed.at < majority);
            let is_over = !agreed.by_client || self.ended.contains_key(&id);
            if ending.majority().is_some() || (is_minors && is_over) {
                self.live.remove(&id);
            }
        }
    }

    /// What becomes of a shared file as it is said until when a participant is a minor.
    fn shared_stages(&self, ending: &Ending<'_>, before: Option<Timestamp>) -> Vec<Self> {
        let mut held = self.clone();
        let mut stages = vec![held.clone()];
        if before.is_none() {
            return stages;
        }
        held.enter_ended(&mut stages, ending, before);
        held.take_effect(ending, before);
        stages.push(held.clone());
        held.enter_ended(&mut stages, ending, before);
        stages
    }

    /// Whether what was given for her does not take effect any more: it goes beyond her minority, or in a shared file whoever gave it acts no more.
    fn is_no_more(&self, id: &str, person: &Self, now: Timestamp) -> bool {
        let agreed = &self.given[id];
        let is_over = self.ended.contains_key(id) || agreed.expires.is_some_and(|end| end <= now);
        let outlasts = |majority| person.is_minor(now) && self.outlasts(id, person, majority, now);
        let acts = agreed.guardian.is_some_and(|who| person.acting(who, now).is_some());
        let has_left = agreed.participant.is_some() && !agreed.by_client && !is_over && !acts;
        person.minor_until.is_some_and(outlasts) || has_left
    }

    fn treats(&self, who: u8, now: Timestamp) -> bool {
        let member = self.team.get(&who);
        member.is_some_and(|member| !member.supervises && member.until.is_none_or(|end| now < end))
    }

    fn is_in_team(&self, who: u8, now: Timestamp) -> bool {
        self.team
            .get(&who)
            .is_some_and(|member| member.until.is_none_or(|end| now < end))
    }

    fn acting(&self, who: u8, now: Timestamp) -> Option<&Acting> {
        self.guardians
            .get(&who)
            .filter(|acting| acting.acts && self.may_act(acting, now))
    }

    /// Whether everybody whose file it is agrees, to everybody in her care or to this clinician alone.
    fn agree(&self, file: File, class: DataClass, purpose: &str, to: Option<u8>, now: Timestamp) -> bool {
        let does = |participant: Option<u8>| {
            self.live.iter().any(|id| {
                let agreed = &self.given[id];
                self.is_current(id, now)
                    && agreed.participant == participant
                    && agreed.recipient == to
                    && agreed.classes.contains(&class)
                    && agreed.purposes.contains(&purpose)
            })
        };
        match file {
            File::Of(_) => does(None),
            File::Shared => does(Some(0)) && does(Some(1)),
        }
    }

    fn hides(&self, class: DataClass, from: Person, by_name: bool) -> bool {
        self.hidden.iter().any(|id| {
            let (what, whom) = self.restricted[id];
            what.is_none_or(|hidden| hidden == class) && whom.map_or(!by_name, |named| named == from)
        })
    }

    fn reads(&self, file: File, who: Person, purpose: Option<&str>, class: DataClass, now: Timestamp) -> bool {
        let is_hidden = self.hides(class, who, false);
        match (who, purpose) {
            (Person::Clinician(by), Some("BTG")) => {
                let is_open = self
                    .unlocked
                    .iter()
                    .any(|id| self.broken[id].by == by && now < self.broken[id].until.0);
                is_open && class != DataClass::Psychotherapy && !self.hides(class, who, true)
            }
            (Person::Clinician(by), None) if class == DataClass::Psychotherapy => {
                let is_own = who == AUTHOR && self.treats(by, now) && self.agree(file, class, "TREAT", None, now);
                (is_own || self.agree(file, class, "TREAT", Some(by), now)) && !is_hidden
            }
            (Person::Clinician(by), None) => {
                self.is_in_team(by, now) && !is_hidden && self.agree(file, class, "TREAT", None, now)
            }
            (Person::Admin, None) => {
                class == DataClass::Identity && !is_hidden && self.agree(file, class, "PATADMIN", None, now)
            }
            (Person::Client(client), None) => file == File::Of(client) && class != DataClass::Psychotherapy,
            (Person::Guardian(guardian), None) => {
                let may = |acting: &Acting| match class {
                    DataClass::Identity => true,
                    DataClass::Health | DataClass::SubstanceUse => acting.reads_records,
                    _ => false,
                };
                self.acting(guardian, now).is_some_and(may) && !is_hidden
            }
            _ => false,
        }
    }

    /// Whether nobody can know if an emergency access of this clinician is over.
    fn is_unknown(&self, who: Person, purpose: Option<&str>, now: Timestamp) -> bool {
        purpose == Some("BTG")
            && self.unlocked.iter().any(|id| {
                let broken = &self.broken[id];
                Person::Clinician(broken.by) == who && (broken.until.0..broken.until.1).contains(&now)
            })
    }

    /// Every state from here to where the effect is complete; none where it can't be. Who acts for `person`, and whether she is a minor,
    /// decides who may give for her.
    fn stages(&self, person: &Self, effect: &Effect, span: Span) -> Option<Vec<Self>> {
        let now = span.to;
        let mut held = self.clone();
        let mut stages = vec![held.clone()];
        match effect {
            Effect::None => {}
            Effect::Open => return None,
            Effect::Give { id, agreed, guardian } => {
                if !held.given.contains_key(id) {
                    let mut agreed = agreed.clone();
                    agreed.at = span.from;
                    if let Some(guardian) = guardian {
                        let acting = person.acting(*guardian, now)?;
                        let is_for_a_minor = person.is_for_a_minor(acting);
                        let is_shared = agreed.participant.is_some();
                        // A shared file has no age: what is given there for a minor ends with the minority that there is now.
                        let majority = person.minor_until.filter(|_| is_for_a_minor && is_shared);
                        agreed.for_a_minor = is_for_a_minor && !is_shared;
                        agreed.expires = [agreed.expires, acting.until, majority].into_iter().flatten().min();
                    } else if person.is_minor(now) {
                        return None;
                    }
                    if let Some(superseded) = &agreed.supersedes {
                        let is_hers =
                            held.live.contains(superseded) && held.given[superseded].participant == agreed.participant;
                        if !is_hers {
                            return None;
                        }
                        held.ended.entry(superseded.clone()).or_insert(Ended::Superseded);
                    }
                    held.given.insert(id.clone(), agreed);
                    stages.push(held.clone());
                }
                // What she gave before it was known that she is a minor is refused when it is repeated.
                if held.given[id].by_client && person.is_minor(now) {
                    return None;
                }
                // What was given for her as if she were not, or for longer, is refused where it has no effect yet.
                if !held.live.contains(id) && held.is_no_more(id, person, now) {
                    return None;
                }
                let supersedes = held.given[id].supersedes.clone();
                if !held.live.contains(id) && !held.ended.contains_key(id) {
                    if held.given[id].expires.is_none_or(|end| now < end) {
                        held.forget(now);
                        held.live.insert(id.clone());
                    }
                    held.live.retain(|live| Some(live) != supersedes.as_ref());
                }
            }
            Effect::Withdraw(id) => {
                if !held.given.contains_key(id) || held.ended.get(id) == Some(&Ended::Superseded) {
                    return None;
                }
                let supersedes = held.given[id].supersedes.clone();
                held.live.retain(|live| live != id && Some(live) != supersedes.as_ref());
                stages.push(held.clone());
                held.ended.insert(id.clone(), Ended::Withdrawn);
            }
            Effect::Restrict { id, class, from } => {
                held.restricted.insert(id.clone(), (*class, *from));
                stages.push(held.clone());
                if !held.lifted.contains(id) && held.hidden.insert(id.clone()) {
                    held.forget(now);
                }
            }
            Effect::Lift(id) => {
                if !held.restricted.contains_key(id) {
                    return None;
                }
                held.lifted.insert(id.clone());
                stages.push(held.clone());
                held.hidden.remove(id);
            }
            Effect::Join { who, supervises, until } => {
                let (supervises, until) = (*supervises, *until);
                held.team.insert(*who, Member { supervises, until });
            }
            Effect::Leave(who) => {
                held.team.remove(who);
            }
            Effect::Transfer { from, to, handover } => {
                let endless = Member {
                    supervises: false,
                    until: None,
                };
                let left = handover.map(|_| Member {
                    supervises: false,
                    until: *handover,
                });
                let is_done = held.team.get(to) == Some(&endless) && held.team.get(from).copied() == left;
                if !is_done {
                    if !held.treats(*from, now) {
                        return None;
                    }
                    held.team.remove(from);
                    held.team.extend(left.map(|left| (*from, left)));
                    held.team.insert(*to, endless);
                }
            }
            Effect::Minority(until) => {
                let (before, said) = (held.minor_until, held.said(*until, now));
                let ending = Ending {
                    person: &said,
                    participant: None,
                    until: *until,
                    now,
                };
                held.enter_ended(&mut stages, &ending, before);
                held.forget(now);
                held.guardians.clone_from(&said.guardians);
                held.minor_until = said.minor_until;
                held.take_effect(&ending, before);
                stages.push(held.clone());
                held.enter_ended(&mut stages, &ending, said.minor_until);
                held.minor_until = *until;
            }
            Effect::Name {
                who,
                right,
                reads_records,
                until,
            } => {
                if *right == Right::Parent && !held.is_minor(now) {
                    return None;
                }
                held.forget(now);
                let before = held.guardians.get(who).filter(|before| before.right == *right);
                let mut acting = Acting {
                    right: *right,
                    reads_records: *reads_records,
                    acts: before.map_or(*right != Right::Nominee, |before| before.acts),
                    since: before.map_or(span.from, |before| before.since),
                    until: *until,
                };
                // Of whom it was said that she goes on as an adult's guardian.
                if !held.may_act(&acting, now) {
                    acting.since = span.from;
                }
                held.guardians.insert(*who, acting);
            }
            Effect::Activate(who) => {
                held.forget(now);
                let nominee = held
                    .guardians
                    .get_mut(who)
                    .filter(|acting| acting.right == Right::Nominee)?;
                nominee.acts = true;
            }
            Effect::Remove(who) => {
                held.guardians.remove(who);
            }
            Effect::BreakGlass { id, by } => {
                let hour = SignedDuration::from_hours(1);
                let until = (span.from + hour, span.to + hour);
                let broken = held.broken.entry(id.clone()).or_insert(Broken { by: *by, until });
                let is_over = span.from >= broken.until.1;
                stages.push(held.clone());
                if !is_over && !held.refused.contains(id) && held.unlocked.insert(id.clone()) {
                    held.forget(now);
                }
            }
            Effect::Review { id, is_justified } => {
                if !held.broken.contains_key(id) {
                    return None;
                }
                if !is_justified {
                    held.refused.insert(id.clone());
                    stages.push(held.clone());
                    held.unlocked.remove(id);
                }
            }
        }
        stages.push(held);
        Some(stages)
    }
}

impl Held {
    /// What a refusal may leave. A consent that was begun and may not take effect any more is entered as withdrawn, one that holds in a shared file
    /// ends where it is repeated by a minor, and a withdrawal of what was superseded ends what is left of that.
    fn refused(&self, person: &Self, effect: &Effect, now: Timestamp) -> Vec<Self> {
        let mut held = self.clone();
        match effect {
            Effect::Give { id, .. } if held.given.contains_key(id) => {
                let is_minors = held.given[id].by_client && person.is_minor(now);
                if is_minors || !held.live.contains(id) {
                    held.live.remove(id);
                    held.ended.entry(id.clone()).or_insert(Ended::Withdrawn);
                }
            }
            Effect::Withdraw(id) if held.ended.get(id) == Some(&Ended::Superseded) => {
                held.live.remove(id);
            }
            _ => {}
        }
        vec![self.clone(), held]
    }
}

impl Model {
    /// What there may be once a request was refused.
    pub(crate) fn refused(&self, file: File, effect: &Effect, span: Span) -> Vec<Self> {
        let Some(held) = self.0.get(&file) else {
            return vec![self.clone()];
        };
        let person = self.giver(effect).unwrap_or(held);
        let with = |held: Held| {
            let mut model = self.clone();
            model.0.insert(file, held);
            model
        };
        held.refused(person, effect, span.to).into_iter().map(with).collect()
    }

    /// The own file of whoever agrees in a shared one, which says whether she is a minor and who acts for her.
    fn giver(&self, effect: &Effect) -> Option<&Held> {
        match effect {
            Effect::Give { agreed, .. } => agreed.participant.and_then(|client| self.0.get(&File::Of(client))),
            _ => None,
        }
    }

    /// The states from here to where a request has done what it was to do; none where it can't do it.
    pub(crate) fn stages(&self, file: File, effect: &Effect, span: Span) -> Option<Vec<Self>> {
        let with = |held: Held| {
            let mut model = self.clone();
            model.0.insert(file, held);
            model
        };
        match (self.0.get(&file), effect) {
            (_, Effect::None) => Some(vec![self.clone()]),
            (None, Effect::Open) => {
                let mut held = Held::default();
                if let Person::Clinician(first) = file.opener() {
                    let (supervises, until) = (false, None);
                    held.team.insert(first, Member { supervises, until });
                }
                Some(vec![self.clone(), with(held)])
            }
            (Some(_), Effect::Open) => Some(vec![self.clone()]),
            (None, _) => None,
            (Some(held), effect) => {
                let stages = held.stages(self.giver(effect).unwrap_or(held), effect, span)?;
                if let (File::Of(client), Effect::Minority(until)) = (file, effect)
                    && let Some(shared) = self.0.get(&File::Shared)
                {
                    return Some(self.with_shared(file, client, (held, &stages), (shared, *until), span.to));
                }
                Some(stages.into_iter().map(with).collect())
            }
        }
    }

    /// A minority of hers, in her own file and then in the shared one; where she is of age, it comes last.
    fn with_shared(
        &self,
        file: File,
        client: u8,
        (held, stages): (&Held, &[Held]),
        (shared, until): (&Held, Option<Timestamp>),
        now: Timestamp,
    ) -> Vec<Self> {
        let said = held.said(until, now);
        let ending = Ending {
            person: &said,
            participant: Some(client),
            until,
            now,
        };
        let is_minor = ending.majority().is_some();
        let ending = shared.shared_stages(&ending, if is_minor { until } else { held.minor_until });
        let Some(own) = stages.last() else {
            return Vec::new();
        };
        let pairs: Vec<_> = match is_minor {
            true => {
                let of_own = stages.iter().map(|own| (own, shared));
                of_own.chain(ending.iter().map(|shared| (own, shared))).collect()
            }
            // What is ended in her own file is entered after the shared one was gone through.
            false => {
                let of_shared = |own| ending.iter().map(move |shared| (own, shared));
                stages.iter().flat_map(of_shared).collect()
            }
        };
        let with = |(own, shared): (&Held, &Held)| {
            let mut model = self.clone();
            model.0.insert(file, own.clone());
            model.0.insert(File::Shared, shared.clone());
            model
        };
        pairs.into_iter().map(with).collect()
    }

    pub(crate) fn is_open(&self, file: File) -> bool {
        self.0.contains_key(&file)
    }

    /// Whether reading may come out like this between these two moments.
    pub(crate) fn agrees(
        &self,
        read: bool,
        file: File,
        who: Person,
        purpose: Option<&str>,
        class: DataClass,
        span: Span,
    ) -> bool {
        let Some(held) = self.0.get(&file) else {
            return !read;
        };
        [span.from, span.to]
            .into_iter()
            .any(|now| held.reads(file, who, purpose, class, now) == read || held.is_unknown(who, purpose, now))
    }
}
