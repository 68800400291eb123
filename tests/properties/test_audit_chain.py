"""Whoever touches the audit trail is found: by the chain, or by the anchors kept elsewhere."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fundpool.domain.audit import AuditRecord, seal_record, verify_chain
from fundpool.domain.ledger import GENESIS
from tests.properties import examples
from tests.simulation.scene import NOW

WORDS = ("", "甲", "approve_batch", "batch:1", "1.00")


@st.composite
def trails(draw: st.DrawFn) -> list[AuditRecord]:
    records = draw(st.lists(st.tuples(*[st.sampled_from(WORDS)] * 4), min_size=4, max_size=12))
    return sealed(
        [
            AuditRecord(
                number + 1, NOW + timedelta(seconds=number), actor, "act", subject, None, None, detail, reason, "", ""
            )
            for number, (actor, subject, detail, reason) in enumerate(records)
        ]
    )  # fmt: skip


def sealed(records: list[AuditRecord]) -> list[AuditRecord]:
    """The records numbered and chained anew, as whoever holds the table and the code could."""
    chain: list[AuditRecord] = []
    for number, record in enumerate(records, start=1):
        linked = replace(record, number=number, previous_hash=chain[-1].hash if chain else GENESIS)
        chain.append(replace(linked, hash=seal_record(linked)))
    return chain


def kinds(records: list[AuditRecord], anchors: dict[int, str]) -> set[str]:
    return {fault.kind for fault in verify_chain(records, anchors)}


def anchored(trail: list[AuditRecord]) -> dict[int, str]:
    return {trail[-1].number: trail[-1].hash}


@settings(max_examples=examples(50))
@given(trail=trails(), data=st.data())
def test_an_edit_is_found(trail: list[AuditRecord], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(trail) - 1))
    field = data.draw(st.sampled_from(["actor", "action", "subject", "before_digest", "detail", "reason"]))
    written = data.draw(st.sampled_from(["乙", "2.00", "x"]))
    trail[place] = replace(trail[place], **{field: written})
    assert "audit_broken" in kinds(trail, {})


@settings(max_examples=examples(50))
@given(trail=trails(), data=st.data())
def test_a_record_taken_out_of_the_middle_is_found(trail: list[AuditRecord], data: st.DataObject) -> None:
    del trail[data.draw(st.integers(0, len(trail) - 2))]
    assert {"audit_gap", "audit_broken"} <= kinds(trail, {})


@settings(max_examples=examples(50))
@given(trail=trails(), data=st.data())
def test_a_record_put_in_between_is_found(trail: list[AuditRecord], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(trail) - 1))
    linked = replace(trail[place], actor="乙", previous_hash=trail[place - 1].hash if place else GENESIS)
    trail.insert(place, replace(linked, hash=seal_record(linked)))
    assert kinds(trail, {}) & {"audit_gap", "audit_broken"}


@settings(max_examples=examples(50))
@given(trail=trails(), data=st.data())
def test_two_records_that_changed_places_are_found(trail: list[AuditRecord], data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(trail) - 2))
    second = data.draw(st.integers(first + 1, len(trail) - 1))
    earlier, later = trail[first], trail[second]
    trail[first] = replace(later, number=earlier.number) if data.draw(st.booleans()) else later
    trail[second] = (
        replace(earlier, number=later.number) if trail[first].number == earlier.number else earlier
    )
    assert kinds(trail, {}) & {"audit_gap", "audit_broken"}


@settings(max_examples=examples(50))
@given(trail=trails(), data=st.data())
def test_a_tail_cut_off_is_found_by_the_anchor(trail: list[AuditRecord], data: st.DataObject) -> None:
    left = trail[: data.draw(st.integers(0, len(trail) - 1))]
    assert kinds(left, anchored(trail)) == {"audit_truncated"}


@settings(max_examples=examples(50))
@given(trail=trails(), more=trails(), data=st.data())
def test_a_tail_cut_off_and_written_on_is_found_by_the_anchor(
    trail: list[AuditRecord], more: list[AuditRecord], data: st.DataObject
) -> None:
    left = trail[: data.draw(st.integers(0, len(trail) - 1))]
    written = sealed([*left, *more])
    assume(written[: len(trail)] != trail)
    assert kinds(written, {}) == set()
    assert kinds(written, anchored(trail)) & {"audit_rewritten", "audit_truncated"}


@settings(max_examples=examples(50))
@given(trail=trails(), data=st.data())
def test_a_trail_written_anew_as_a_whole_is_found_by_the_anchor(
    trail: list[AuditRecord], data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(trail) - 1))
    changed = [*trail]
    changed[place] = replace(trail[place], detail="挪用")
    written = sealed(changed)
    assert kinds(written, {}) == set()
    assert kinds(written, anchored(trail)) == {"audit_rewritten"}
