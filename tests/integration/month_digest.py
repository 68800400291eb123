"""The end of a city's month as one digest: the same end, however often and in whatever order it ran.

Over facts and money, never over row ids, clocks of the run or who triggered it.
"""

import hashlib
import json

from fundpool.domain.periods import Month
from fundpool.domain.submission import DocumentKind
from fundpool.services.ports.work import Work


def month_digest(work: Work, city: str, month: Month, without_attempts: frozenset[str] = frozenset()) -> str:
    """SHA-256 over the month's versions, decisions, applications, payments, postings and filings.

    Postings of orders with the keys ``without_attempts`` are left out.
    """
    facts = [
        [
            [
                version.document,
                version.county,
                version.version,
                version.sha256,
                version.verdict,
                version.stands,
            ]
            for document in DocumentKind
            for version in work.submissions.versions(city, document, month)
        ],
        [
            [case.document, case.county, case.fund, case.state, case.requested_fen, case.approved_fen]
            for case in work.reviews.cases(city, month)
        ],
        [
            [application.fund, application.number, line.county, line.applied_fen, line.reviewed_fen]
            for application in work.applications.applications(city, month)
            for line in application.lines
        ],
        [
            [each.key, each.amount_fen, each.state]
            for each in work.payments.obligations(city=city, month=month)
        ],
        sorted(
            [stored.posting.key, stored.posting.amount_fen, str(stored.posting.debit)]
            for stored in work.ledger.postings(city)
            if stored.posting.attempt_key not in without_attempts
        ),
        [[filing.version, filing.content_digest] for filing in work.records.filings(city, month)],
    ]
    return hashlib.sha256(json.dumps(facts, ensure_ascii=False, default=str).encode()).hexdigest()
