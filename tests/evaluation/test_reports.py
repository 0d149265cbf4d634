from html.parser import HTMLParser
from pathlib import Path

import pytest

from heirloom.evaluation import html, reports
from heirloom.evaluation.calibration import Measured, measure, measure_cell
from heirloom.evaluation.proposal import propose
from heirloom.evaluation.report import Report, Section, Table, markdown, plain
from tests.evaluation import made


@pytest.fixture(scope="module")
def measured() -> tuple[Measured, ...]:
    return measure(made.gallery(500, 4), counts=((1, 1), (2, 1), (2, 2)))


@pytest.fixture(scope="module")
def calibrated(measured: tuple[Measured, ...]) -> Report:
    return reports.of_calibration(made.SOURCE, measured, propose(made.SOURCE, measured))


class Page(HTMLParser):
    """What stands in a page: tags with their attributes, and whether every tag that opens also closes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in {"meta", "!doctype"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_a_calibration_states_counts_and_intervals(measured: tuple[Measured, ...], calibrated: Report) -> None:
    text = markdown(calibrated, "made")
    assert "1,998,000" not in text  # that would count every pair from both sides
    assert f"{measured[0].non_mated.total:,}" in text
    assert "95 % Wilson" in text
    assert "![made: detection error tradeoff](made-det.png)" in text


def test_too_few_pictures_are_said_to_be_too_few() -> None:
    few = reports.of_calibration(made.SOURCE, [measure_cell(made.gallery(20, 3), 1, 1)], None)
    assert "No cell can be published" in plain(few)


def test_an_evaluation_says_what_a_policy_does_to_others(measured: tuple[Measured, ...]) -> None:
    policy = propose(made.SOURCE, measured)
    others = measure(made.gallery(400, 3, seed=9), counts=((1, 1),))
    (errors, *_) = reports.of_evaluation(made.SOURCE, others, policy).sections
    assert errors.table is not None
    single = dict(zip(errors.table.header, errors.table.rows[0], strict=True))
    assert single["target FMR"] == "0.001"
    assert "n = 718,200" in single["FMR seen (95 % Wilson)"]
    assert policy is not None
    assert single["threshold"] == f"{policy.threshold(1, 1, 1e-3):.4f}"


def test_without_a_policy_only_the_scores_are_shown(measured: tuple[Measured, ...]) -> None:
    report = reports.of_evaluation(made.SOURCE, measured, None)
    assert [section.name for section in report.sections] == ["operating", "groups", "det", "scores"]
    assert report.sections[0].table is None


def test_a_page_needs_nothing_but_itself(calibrated: Report) -> None:
    page = Page(html.page(calibrated))
    assert page.open == []
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in page.tags}
    assert not [value for _, attributes in page.tags for value in attributes.values() if "//" in (value or "")]


def test_a_page_can_be_read_without_seeing_it(calibrated: Report) -> None:
    page = Page(html.page(calibrated))
    ids = [attributes["id"] for _, attributes in page.tags if attributes.get("id")]
    assert len(ids) == len(set(ids))
    charts = [svg for svg in page.all("svg") if svg.get("role") == "img"]
    assert len(charts) == 2
    for chart in charts:
        assert set(str(chart["aria-labelledby"]).split()) <= set(ids)
    assert all(head.get("scope") for head in page.all("th"))
    assert page.all("html")[0]["lang"] == "en"


def test_what_is_written_in_a_page_is_no_markup() -> None:
    hostile = Section("one", "<b>title</b>", ("<script>1</script> `a<b`",), Table(("<i>",), (("</td><script>",),)))
    text = html.page(Report("<script>", ("*<u>*",), (hostile,)))
    assert "<script" not in text
    assert "<code>a&lt;b</code>" in text
    assert Page(text).open == []


def test_every_chart_is_a_png_beside_the_page(calibrated: Report, tmp_path: Path) -> None:
    page = reports.write(calibrated, tmp_path / "out", "made")
    assert page.name == "made.html"
    for name in ("made-det.png", "made-scores.png"):
        assert (page.parent / name).read_bytes().startswith(b"\x89PNG")
        assert name in (page.parent / "made.md").read_text()


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="as long as"):
        Table(("a", "b"), (("1",),))
