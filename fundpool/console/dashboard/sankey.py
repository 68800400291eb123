"""A Sankey drawing as plain geometry: columns of nodes, bands between them; the template writes the SVG.

Every length is a whole number of tenths of a pixel, so that the same money is drawn the same everywhere.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

WIDTH = 9600
_NODE, _GAP, _LABELS = 140, 150, 2200
_LEAST = 10
"""A band that is there is seen, however small."""


@dataclass(frozen=True, slots=True)
class Link:
    """Money from one node to another (fen), and how much of it has arrived."""

    source: Hashable
    target: Hashable
    amount_fen: int
    arrived_fen: int


@dataclass(frozen=True, slots=True)
class Node:
    """A box of the drawing; ``amount_fen`` is what comes in, or goes out where that is more."""

    key: Hashable
    x: int
    y: int
    height: int
    amount_fen: int
    is_last: bool


@dataclass(frozen=True, slots=True)
class Band:
    """The outline of one link's arrived part, or of the part that has not arrived, as an SVG path."""

    link: Link
    path: str
    has_arrived: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """Nodes and bands, with the size of the whole."""

    width: int
    height: int
    node_width: int
    nodes: Sequence[Node]
    bands: Sequence[Band]


def draw(links: Sequence[Link]) -> Drawing:
    """Lay out links that lead from left to right; () gives an empty drawing. Raises ValueError for a circle."""
    columns = _columns(links)
    amounts = {key: _through(links, key) for column in columns for key in column}
    height = max([2400, *(300 * len(column) for column in columns)])
    room = height - _GAP * max((len(column) for column in columns), default=0)
    most = max((sum(amounts[key] for key in column) for column in columns), default=0)

    def tall(amount_fen: int) -> int:
        return max(_LEAST, amount_fen * room // most) if amount_fen else 0

    step = (WIDTH - _NODE - _LABELS) // max(len(columns) - 1, 1)
    nodes: dict[Hashable, Node] = {}
    for number, column in enumerate(columns):
        y = 0
        for key in column:
            is_last = number == len(columns) - 1
            nodes[key] = Node(key, number * step, y, max(tall(amounts[key]), _LEAST), amounts[key], is_last)
            y += nodes[key].height + _GAP
    return Drawing(
        width=WIDTH,
        height=max([height, *(node.y + node.height for node in nodes.values())]),
        node_width=_NODE,
        nodes=tuple(nodes.values()),
        bands=_bands(links, nodes, tall),
    )


def _columns(links: Sequence[Link]) -> list[list[Hashable]]:
    """The nodes by how many steps lead to them, each column in the order in which the links name its nodes."""
    depth: dict[Hashable, int] = {}
    for link in links:
        depth.setdefault(link.source, 0)
        depth.setdefault(link.target, 0)
    for _ in range(len(depth)):
        deeper = {
            link.target: depth[link.source] + 1 for link in links if depth[link.target] <= depth[link.source]
        }
        if not deeper:
            columns: list[list[Hashable]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
            for key, number in depth.items():
                columns[number].append(key)
            return columns
        depth |= deeper
    if not links:
        return []
    raise ValueError("the links lead in a circle")


def _through(links: Sequence[Link], key: Hashable) -> int:
    comes = sum(link.amount_fen for link in links if link.target == key)
    goes = sum(link.amount_fen for link in links if link.source == key)
    return max(comes, goes)


def _bands(
    links: Sequence[Link], nodes: Mapping[Hashable, Node], tall: Callable[[int], int]
) -> tuple[Band, ...]:
    left = {key: node.y for key, node in nodes.items()}
    right = dict(left)
    bands = []
    for link in links:
        source, target = nodes[link.source], nodes[link.target]
        for amount_fen, has_arrived in (
            (link.arrived_fen, True),
            (link.amount_fen - link.arrived_fen, False),
        ):
            if amount_fen <= 0:
                continue
            height = tall(amount_fen)
            path = _outline((source.x + _NODE, left[link.source]), (target.x, right[link.target]), height)
            bands.append(Band(link, path, has_arrived))
            left[link.source] += height
            right[link.target] += height
    return tuple(bands)


def _outline(start: tuple[int, int], end: tuple[int, int], height: int) -> str:
    (x1, y1), (x2, y2) = start, end
    middle = (x1 + x2) // 2
    return (
        f"M{x1} {y1}C{middle} {y1} {middle} {y2} {x2} {y2}V{y2 + height}"
        f"C{middle} {y2 + height} {middle} {y1 + height} {x1} {y1 + height}Z"
    )
