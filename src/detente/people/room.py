"""The room of people: who may sign in, who is signed in, and which command was whose.

What it holds of secrets are hashes. Nothing of it is ever said to a peer: to peers, posts act and not persons.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

import msgspec

from detente.airspace.plan import check_identifier
from detente.airspace.refusal import Refusal
from detente.people.commands import (
    AddPasskey,
    AddPerson,
    ChangePerson,
    CreateMetricsToken,
    EndAllSessions,
    EndSession,
    IssueLink,
    KeepAct,
    LookAtSessions,
    OpenSession,
    OpenSessionByPasskey,
    PeopleCommand,
    RemovePasskey,
    RemovePerson,
    RevokeMetricsToken,
)
from detente.people.events import (
    AllSessionsEnded,
    EndReason,
    LinkIssued,
    LinkVoided,
    MetricsTokenCreated,
    MetricsTokenRevoked,
    PasskeyAdded,
    PasskeyEvent,
    PasskeyRemoved,
    PasskeyUsed,
    PeopleEvent,
    PersonActed,
    PersonAdded,
    PersonChanged,
    PersonRemoved,
    SessionEnded,
    SessionOpened,
    SessionUsed,
)
from detente.people.records import (
    CredentialKind,
    KnownPerson,
    MetricsToken,
    Passkey,
    People,
    PeopleKept,
    PersonRole,
    PersonSession,
    SignInLink,
)
from detente.room.channel import Channel
from detente.room.link_faults import LinkFault, LinkFaultKind
from detente.room.room import Room

MOST_PERSONS = 1_000
MOST_POSTS = 16
MOST_LINKS = 4
"""Of one person at a time; a further one makes the oldest void."""
MOST_SESSIONS = 16
"""Of one person at a time; a further one ends the one that was not used for the longest."""
MOST_METRICS_TOKENS = 16
MOST_PASSKEYS = 8
"""Of one person."""
MOST_NAME_LETTERS = 64


class PeopleRoom(Room[People, PeopleCommand, PeopleEvent]):
    """Keeps persons, their sessions, and who gave which command."""

    name = "people"
    commands = PeopleCommand
    events = PeopleEvent
    kept = PeopleKept
    own_channel = Channel.LINE
    """Whoever must send a STOP from a full disk has to be let in first."""

    def decide(self, command: PeopleCommand) -> list[PeopleEvent]:
        """Return the events that a command leads to; raises Refusal with nothing changed."""
        match command:
            case KeepAct(at=at, by=by, given=given, entries=entries):
                return [PersonActed(at, by, given, entries)]
            case AddPerson() | ChangePerson() | RemovePerson():
                return self._decide_person(command)
            case IssueLink():
                return self._issue(command)
            case OpenSession() | OpenSessionByPasskey():
                return self._open(command)
            case AddPasskey() | RemovePasskey():
                return self._decide_passkey(command)
            case EndSession(at=at, session=session, reason=reason):
                found = self.state.sessions.get(session)
                return [] if found is None else [SessionEnded(at, session, found.person, reason)]
            case EndAllSessions(at=at, reason=reason):
                return [AllSessionsEnded(at, reason)] if self.state.lets_somebody_in else []
            case LookAtSessions():
                return list(self._look(command))
            case CreateMetricsToken() | RevokeMetricsToken():
                return self._decide_token(command)
            case _:
                assert_never(command)

    def evolve(self, event: PeopleEvent) -> None:
        """Fold one decided event in."""
        people = self.state
        match event:
            case PersonAdded(person=person) | PersonChanged(person=person):
                people.persons[person.name] = person
            case PersonRemoved(name=name):
                self._forget_person(name)
            case LinkIssued(token_sha256=token, link=link):
                people.links[token] = link
            case LinkVoided(token_sha256=token):
                people.links.pop(token, None)
            case SessionOpened(session=session, link_sha256=link_sha256):
                people.links.pop(link_sha256, None)
                people.sessions[session.session] = session
                people.session_of_token[session.token_sha256] = session.session
            case PasskeyAdded() | PasskeyUsed() | PasskeyRemoved():
                self._evolve_passkey(event)
            case SessionUsed(session=used, used_at=used_at):
                people.sessions[used] = msgspec.structs.replace(people.sessions[used], used_at=used_at)
            case SessionEnded(session=ended):
                self._forget(ended)
            case AllSessionsEnded():
                for held in (
                    people.links, people.sessions, people.session_of_token, people.metrics_tokens, people.passkeys
                ):  # fmt: skip
                    held.clear()
            case MetricsTokenCreated(token=made):
                people.metrics_tokens[made.name] = made
            case MetricsTokenRevoked(name=name):
                people.metrics_tokens.pop(name, None)
            case PersonActed():
                pass
            case _:
                assert_never(event)

    def reactions(self, event: object) -> Iterator[EndAllSessions]:
        """Yield that every session ends when our journal turns out to be an earlier one: what was revoked is open."""
        if isinstance(event, LinkFault) and event.kind is LinkFaultKind.OWN_SET_BACK:
            yield EndAllSessions(event.at, EndReason.SET_BACK)

    def person(self, name: str) -> KnownPerson:
        """Return a person; raises Refusal for one that is not known."""
        found = self.state.persons.get(name)
        if found is None:
            known = ", ".join(sorted(self.state.persons)) or "(none)"
            raise Refusal("people.person_known", "person", name, known=known)
        return found

    def _decide_person(self, command: AddPerson | ChangePerson | RemovePerson) -> list[PeopleEvent]:
        match command:
            case AddPerson(at=at, name=name, role=role, posts=posts):
                check_identifier("name", name)
                if name.casefold() in {one.casefold() for one in self.state.persons}:
                    raise Refusal("people.person_not_known", "name", name)
                if len(self.state.persons) >= MOST_PERSONS:
                    raise Refusal("people.at_most_persons", "name", name, most=MOST_PERSONS)
                _check_posts(role, posts)
                return [PersonAdded(at, KnownPerson(name, role, posts, at))]
            case ChangePerson(at=at, name=name, role=new_role, posts=new_posts):
                before = self.person(name)
                person = KnownPerson(
                    name, new_role or before.role, before.posts if new_posts is None else new_posts, before.added_at
                )
                _check_posts(person.role, person.posts)
                return [] if person == before else [PersonChanged(at, person)]
            case RemovePerson(at=at, name=name):
                return [PersonRemoved(at, self.person(name).name)]

    def _issue(self, command: IssueLink) -> list[PeopleEvent]:
        person = self.person(command.person).name
        link = SignInLink(person, command.at, command.expires_at)
        of_person = [(one.issued_at, token) for token, one in self.state.links.items() if one.person == person]
        over = sorted(of_person)[: max(0, len(of_person) + 1 - MOST_LINKS)]
        voided = [LinkVoided(command.at, token, person, EndReason.REPLACED) for _, token in over]
        return [*voided, LinkIssued(command.at, command.token_sha256, link)]

    def _open(self, command: OpenSession | OpenSessionByPasskey) -> list[PeopleEvent]:
        if isinstance(command, OpenSession):
            link = self.state.links.get(command.link_sha256)
            if link is None or not link.holds(command.at):
                raise Refusal("people.sign_in_link", "token", "(not shown)")
            person, credential, link_sha256 = link.person, CredentialKind.LINK, command.link_sha256
            used: list[PeopleEvent] = []
        else:
            passkey = self.state.passkeys.get(command.credential_id)
            if passkey is None:
                raise Refusal("people.passkey_known", "credential_id", "(not shown)")
            if not passkey.goes_on(command.signatures):
                raise Refusal("people.passkey_counts_on", "signatures", command.signatures, last=passkey.signatures)
            person, credential, link_sha256 = passkey.person, CredentialKind.PASSKEY, ""
            used = [PasskeyUsed(command.at, passkey.credential_id, command.signatures)]
        if command.session in self.state.sessions:
            raise Refusal("people.new_session", "session", command.session)
        held = self.state.sessions_of(person)
        over = held[: max(0, len(held) + 1 - MOST_SESSIONS)]
        ended = [SessionEnded(command.at, one.session, one.person, EndReason.REPLACED) for one in over]
        session = PersonSession(
            command.session, person, command.token_sha256, credential, command.at, command.expires_at,
            command.idle_s, command.at, command.address,
        )  # fmt: skip
        return [*ended, *used, SessionOpened(command.at, session, link_sha256)]

    def _decide_passkey(self, command: AddPasskey | RemovePasskey) -> list[PeopleEvent]:
        match command:
            case AddPasskey(at=at):
                person, name = self.person(command.person).name, command.name
                if not name.strip() or len(name) > MOST_NAME_LETTERS or not name.isprintable():
                    raise Refusal("people.name_of_passkey", "name", name, most=MOST_NAME_LETTERS)
                if command.credential_id in self.state.passkeys:
                    raise Refusal("people.passkey_not_known", "credential_id", "(not shown)")
                if self.state.passkey(command.passkey) is not None:
                    raise Refusal("people.passkey_not_known", "passkey", command.passkey)
                if len(self.state.passkeys_of(person)) >= MOST_PASSKEYS:
                    raise Refusal("people.at_most_passkeys", "person", person, most=MOST_PASSKEYS)
                passkey = Passkey(
                    command.passkey, person, name, command.rp_id, command.credential_id, command.public_key,
                    command.signatures, at,
                )  # fmt: skip
                return [PasskeyAdded(at, passkey)]
            case RemovePasskey(at=at, passkey=name):
                found = self.state.passkey(name)
                return [] if found is None else [PasskeyRemoved(at, found.credential_id, found.person)]

    def _look(self, command: LookAtSessions) -> Iterator[PeopleEvent]:
        at = command.at
        for token, link in self.state.links.items():
            if at >= link.expires_at:
                yield LinkVoided(at, token, link.person, EndReason.EXPIRED)
        for session in self.state.sessions.values():
            used_at = command.used_at.get(session.session, session.used_at)
            if at >= session.ends_at(used_at):
                yield SessionEnded(at, session.session, session.person, EndReason.EXPIRED)
            elif used_at > session.used_at:
                yield SessionUsed(at, session.session, used_at)

    def _decide_token(self, command: CreateMetricsToken | RevokeMetricsToken) -> list[PeopleEvent]:
        held = self.state.metrics_tokens
        match command:
            case CreateMetricsToken(at=at, name=name, token_sha256=token):
                check_identifier("name", name)
                if name in held:
                    raise Refusal("people.token_not_known", "name", name)
                if len(held) >= MOST_METRICS_TOKENS:
                    raise Refusal("people.at_most_tokens", "name", name, most=MOST_METRICS_TOKENS)
                return [MetricsTokenCreated(at, MetricsToken(name, token, at))]
            case RevokeMetricsToken(at=at, name=name):
                if name not in held:
                    raise Refusal("people.token_known", "name", name, known=", ".join(sorted(held)) or "(none)")
                return [MetricsTokenRevoked(at, name)]

    def _evolve_passkey(self, event: PasskeyEvent) -> None:
        passkeys = self.state.passkeys
        match event:
            case PasskeyAdded(passkey=passkey):
                passkeys[passkey.credential_id] = passkey
            case PasskeyUsed(at=at, credential_id=credential, signatures=signatures):
                before = passkeys[credential]
                passkeys[credential] = msgspec.structs.replace(before, signatures=signatures, used_at=at)
            case PasskeyRemoved(credential_id=credential):
                passkeys.pop(credential, None)

    def _forget_person(self, name: str) -> None:
        people = self.state
        people.persons.pop(name, None)
        people.links = {token: link for token, link in people.links.items() if link.person != name}
        people.passkeys = {key: one for key, one in people.passkeys.items() if one.person != name}
        for session in people.sessions_of(name):
            self._forget(session.session)

    def _forget(self, session: str) -> None:
        ended = self.state.sessions.pop(session, None)
        if ended is not None:
            self.state.session_of_token.pop(ended.token_sha256, None)


def _check_posts(role: PersonRole, posts: tuple[str, ...]) -> None:
    """Check the posts of a person: who acts does so at a post."""
    for number, post in enumerate(posts):
        check_identifier(f"posts[{number}]", post)
        if post in posts[:number]:
            raise Refusal("people.each_post_once", f"posts[{number}]", post)
    if len(posts) > MOST_POSTS:
        raise Refusal("people.at_most_posts", "posts", len(posts), most=MOST_POSTS)
    if not posts and role.includes(PersonRole.DUTY_OFFICER):
        raise Refusal("people.post_of_person", "posts", "", role=role)
