"""A document's place in the month, as its definition in ``schemas/documents`` states it."""

from collections.abc import Iterable

from fundpool.domain.errors import InputError
from fundpool.domain.periods import Period, Year
from fundpool.domain.submission import DocumentKind, Figure
from schemas.documents import DOCUMENTS, document_type
from schemas.documents.base import DocumentType, Intake


def type_of(document: DocumentKind) -> DocumentType:
    """The document's definition."""
    return document_type(document.value)


def intake_of(document: DocumentKind) -> Intake:
    """How the document comes in and what becomes of it."""
    intake = type_of(document).intake
    assert intake is not None, f"{document} is filed"
    return intake


def amount_field(document: DocumentKind) -> str:
    """The figure that the document's review is about."""
    return type_of(document).total_field


def is_of(document: DocumentKind, period: Period) -> bool:
    """Whether the document is filed for such a period: a month or a year."""
    return (type_of(document).period == "year") == isinstance(period, Year)


def reviewed_amounts(document: DocumentKind, figures: Iterable[Figure]) -> dict[str, int | None]:
    """The figure that the review is about, per scheme (fen): in a list the sum of its rows.

    None where it was left blank.
    """
    amounts: dict[str, int | None] = {}
    for figure in figures:
        if figure.field == amount_field(document):
            before = amounts.get(figure.fund, 0)
            known = before is not None and figure.amount_fen is not None
            amounts[figure.fund] = (before or 0) + (figure.amount_fen or 0) if known else None
    return amounts


DUTY_OF: dict[DocumentKind, str | None] = {document: intake_of(document).duty for document in DocumentKind}
"""The county's duty to file each document; None where no policy file can order it."""

DOCUMENT_OF: dict[str, DocumentKind] = {
    duty: document for document, duty in DUTY_OF.items() if duty is not None
}
"""The document that each filing duty is about."""


def filed_kind(name: str) -> DocumentKind:
    """The document of this name that counties file. Raises InputError for a document that another command takes."""
    known = DOCUMENTS.get(name)
    if known is not None and known.taken_by is not None:
        raise InputError(
            "document_taken_elsewhere",
            f"{known.zh}不在此报送，请用 {known.taken_by}",
            f"the {known.en} is not filed here; use {known.taken_by}",
            remedy=known.taken_by,
        )
    return DocumentKind.named(name)
