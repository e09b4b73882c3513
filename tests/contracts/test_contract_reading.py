"""A contract is read whole or refused with its line."""

import os
from pathlib import Path

import pytest

from tamis.contracts import ContractError, load

HEAD = "apiVersion: v3.1.0\nkind: DataContract\nid: x\nversion: 1.0.0\nstatus: active\n"
BODY = (
    HEAD + "schema:\n- name: t\n  properties:\n  - name: a\n    logicalType: string\n"
)  # a's own keys go on in line 11


def read(folder: Path, text: str | bytes):
    path = folder / "c.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(path)


def test_a_contract_keeps_what_only_documents(tmp_path):
    more = "team: {name: us, members: [{username: a, dateIn: 2026-01-02}]}\nprice: {priceAmount: 1.5}\n"
    contract = read(tmp_path, BODY + more + "support: [{channel: mail, url: 'mailto:a@b.c'}]\nservers: [{server: s}]\n")
    assert contract.document["team"]["members"][0]["username"] == "a"
    assert contract.tables[0].properties[0].logical_type == "string"


@pytest.mark.parametrize(
    ("more", "line", "words"),
    [
        ("    requird: true\n", 11, "unknown key 'requird' in an item of 'properties'; did you mean 'required'?"),
        ("    required: 'yes'\n", 11, "wanted true or false"),
        ("    logicalTypeOptions: {minLenght: 2}\n", 11, "did you mean 'minLength'?"),
        ("    logicalTypeOptions:\n      minLength: -1\n", 12, "wanted a whole number"),
        ("    logicalTypeOptions:\n      minLength: 9\n      maxLength: 2\n", 11, "leave no value that is right"),
        ("    logicalTypeOptions:\n      pattern: '(a'\n", 12, "cannot be run: unclosed group"),
        ("    logicalTypeOptions:\n      pattern: '(?=a)b'\n", 12, "look-around"),
        ("    logicalTypeOptions: {format: uuidd}\n", 11, "did you mean 'uuid'?"),
        ("    logicalTypeOptions: {minimum: 2}\n", 11, "string has no option 'minimum'"),
        ("    physicalType: jsonb\n", 11, "physicalType 'jsonb'"),
        ("    items: {logicalType: string}\n", 9, "write 'logicalType: array'"),
        ("    enum: [{value: a}]\n", 11, "came with ODCS v3.2.0"),
        ("    relationships: [{to: b.c}]\n", 11, "no column of a table of this contract"),
        ("    relationships: [{to: t.b}]\n", 11, "'t' has no property 'b'; there are a"),
        ("    relationships: [{to: t.a}]\n", 11, "refers to itself"),
        ("    relationships: [{to: schema/t/properties/a}]\n", 11, "no table has the id 't'"),
        ("    relationships: [{to: t.a, from: t.a}]\n", 11, "leave it out"),
        ("    relationships: [{too: t.a}]\n", 11, "did you mean 'to'?"),
        ("    quality:\n    - {type: text}\n", 12, "wants a 'description'"),
        ("    quality:\n    - {type: sql, mustBe: 1}\n", 12, "wants a 'query'"),
        ("    quality:\n    - {type: sqll, mustBe: 1}\n", 12, "did you mean 'sql'?"),
        (
            "    quality:\n    - {type: text, description: x, metric: nullValues}\n",
            12,
            "does not belong to a rule of type text",
        ),
        ("    quality:\n    - {type: custom, engine: soda, implementation: x}\n", 12, "engine 'soda' is not run here"),
        (
            "    quality:\n    - {type: custom, engine: tamis, implementation: {measure: pi, mustBe: 0}}\n",
            12,
            "did you mean 'pii'?",
        ),
        (
            "    quality:\n    - {type: custom, engine: tamis, mustBe: 0, implementation: {measure: pii}}\n",
            12,
            "it stands inside 'implementation'",
        ),
        (
            "    quality:\n    - {type: custom, engine: tamis, implementation: {measure: language, mustBe: 0}}\n",
            12,
            "wants an argument 'languages'",
        ),
        (
            "    quality:\n    - {type: custom, engine: tamis, implementation: {measure: pii, mustBe: 0, arguments: {x: 1}}}\n",
            12,
            "pii takes no argument 'x'",
        ),
        (
            "    quality:\n    - {type: custom, engine: tamis, implementation: {measure: attrition, mustBe: 0}}\n",
            12,
            "attrition belongs to a table",
        ),
        (
            "    quality:\n    - {metric: nullValues, mustBeLessThan: 0}\n",
            12,
            "can never be: what is measured is at least 0",
        ),
        ("    quality:\n    - {metric: nullValues, mustBeGreaterThan: 100, unit: percent}\n", 12, "from 0 to 100"),
        (
            "    required: true\n    quality:\n    - {metric: nullValues, mustBe: 3}\n",
            13,
            "in a column that is required",
        ),
        ("    physicalType: varchar(3)\n    logicalTypeOptions: {minLength: 5}\n", 12, "leave no value"),
        ("    physicalType: int64\n", 9, "holds no logicalType string"),
        (
            "    logicalTypeOptions: {minLength: 5}\n"
            "    customProperties: [{property: tamis.enum, value: [abc, de]}]\n",
            12,
            "is shorter than minLength 5",
        ),
        ("    logicalTypeOptions: {pattern: '(((a{999}){999}){999}){999}'}\n", 11, "cannot be run"),
        (
            "    quality:\n    - {type: custom, engine: tamis, implementation: "
            "{measure: agreement, mustBe: 1, arguments: {item: a, rater: b}}}\n",
            12,
            "rater: no property is called 'b'; there are a",
        ),
        (
            "    quality:\n    - {type: custom, engine: tamis, implementation: "
            "{measure: rubric, mustBe: 0, arguments: {criteria: [x]}}}\n",
            12,
            "rubric is of logicalType object, not string",
        ),
        ("  - {name: m, logicalType: map}\n", 11, "is a map without 'map'"),
        ("    quality:\n    - {metric: nullvalues, mustBe: 0}\n", 12, "did you mean 'nullValues'?"),
        ("    quality:\n    - {metric: rowCount, mustBe: 0}\n", 12, "no metric of a property"),
        ("    quality:\n    - {metric: nullValues}\n", 12, "no operator"),
        ("    quality:\n    - {metric: nullValues, mustBe: 0, mustNotBe: 1}\n", 12, "2 operators"),
        ("    quality:\n    - {metric: nullValues, mustBe: no}\n", 12, "wanted a number"),
        ("    quality:\n    - {metric: nullValues, mustBeBetween: [3, 1]}\n", 12, "the smaller first"),
        ("    quality:\n    - {metric: nullValues, mustBe: 0, unit: percents}\n", 12, "unit 'percents'"),
        ("    quality:\n    - {metric: nullValues, mustBe: 0, severity: eror}\n", 12, "did you mean 'error'?"),
        ("    quality:\n    - {metric: invalidValues, mustBe: 0}\n", 12, "validValues or pattern"),
        ("    quality:\n    - {metric: invalidValues, mustBe: 0, arguments: {validValues: [1]}}\n", 12, "type string"),
        ("    quality:\n    - {metric: nullValues, mustBe: 0, arguments: {pattern: a}}\n", 12, "no argument 'pattern'"),
        ("    customProperties: [{property: tamis.acton, value: fail}]\n", 11, "did you mean 'tamis.action'?"),
        ("    customProperties: [{property: tamis.action, value: drop}]\n", 11, "wanted one of fail, quarantine, warn"),
        ("    logicalType: integer\n", 11, "given twice (first in line 10)"),
        ("  - name: a\n", 11, "two of a kind"),
        ("  - name: b\n    physicalName: a\n", 11, "column (physicalName) 'a'"),
        ("slaProperties: [{property: freshness, value: 1}]\n", 11, "whose times?"),
        ("slaProperties: [{property: freshness, value: 1, element: u.a}]\n", 11, "no table is called 'u'"),
        ("slaProperties: [{property: freshness, value: 1, element: t.b}]\n", 11, "'t' has no property 'b'"),
        ("slaProperties: [{property: freshness, value: 1, element: t.a}]\n", 11, "wants a date or a timestamp"),
        ("nmae: x\n", 11, "did you mean 'name'?"),
        ("team: {members: [{usernam: x}]}\n", 11, "did you mean 'username'?"),
        ("tags: &a [x]\nroles: *a\n", 11, "alias"),
        ("domain: 2026-13-45\n", 11, "month must be in 1..12"),
        ('domain: !!int ""\n', 11, "put quotes around it"),
        ('domain: "\\ud800"\n', 11, "half a character"),
        ("domain: !!bool maybe\n", 11, "put quotes around it"),
    ],
)
def test_a_slip_is_named_with_its_line(tmp_path, more, line, words):
    with pytest.raises(ContractError) as refused:
        read(tmp_path, BODY + more)
    assert words in str(refused.value)
    assert refused.value.line == line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "the file is empty"),
        ("- a\n", "a mapping of keys"),
        ("a: [1\n", "not YAML"),
        (b"\xff\xfe", "not UTF-8"),
        ("a: !!python/object/apply:os.system [ls]\n", "tag"),
        ("a: !!python/name:os.system x\n", "not YAML"),
        ("a: !mine [ls]\n", "tag '!mine'"),
        ("&a [*a]\n", "alias"),
        ("[" * 3000, "nested too deeply"),
        ("a: " + "x" * (5 << 20), "too large"),
        (HEAD, "no 'schema'"),
        (HEAD.replace("v3.1.0", "v2.2.2"), "apiVersion 'v2.2.2' is not read"),
        (HEAD.replace("version: 1.0.0", "version: 1.0"), "'version' is 1.0; wanted text; put quotes around it"),
        (HEAD.replace("kind: DataContract", "kind: Data"), "wanted 'DataContract'"),
        ("a: 2026-13-45\n", "month must be in 1..12"),
        ("a: !!binary x\n", "not YAML"),
    ],
)
def test_what_is_no_contract_is_refused(tmp_path, text, words):
    with pytest.raises(ContractError, match=r"c\.yaml") as refused:
        read(tmp_path, text)
    assert words in str(refused.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ContractError, match="no such file"):
        load(tmp_path / "none.yaml")


@pytest.mark.parametrize("place", ["fifo", ".", "/dev/zero"])
def test_only_a_plain_file_is_a_contract(tmp_path, place):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ContractError, match="no plain file"):
        load(tmp_path / place)


def test_odcs_3_0_2_rules_are_read(tmp_path):
    rules = "    quality:\n    - {rule: duplicateCount, mustBeLessThan: 10}\n"
    rules += "    - {rule: validValues, validValues: [a], mustBe: 0}\n"
    metrics = read(tmp_path, BODY.replace("v3.1.0", "v3.0.2") + rules).tables[0].properties[0].metrics
    assert [m.metric for m in metrics] == ["duplicateValues", "invalidValues"]


def test_odcs_3_2_0_enum_is_read(tmp_path):
    contract = read(tmp_path, BODY.replace("v3.1.0", "v3.2.0") + "    enum: [{value: a, label: A}, {value: b}]\n")
    assert contract.tables[0].properties[0].enum == ("a", "b")


def test_severity_gives_the_action(tmp_path):
    rules = "    quality:\n" + "".join(
        f"    - {{id: {word}, metric: nullValues, mustBe: 0, severity: {word}}}\n"
        for word in ("error", "warning", "info")
    )
    metrics = read(tmp_path, BODY + rules).tables[0].properties[0].metrics
    assert [m.action for m in metrics] == ["fail", "warn", "warn"]


def test_quarantine_wants_a_rule_about_single_rows(tmp_path):
    rule = "    quality:\n    - metric: nullValues\n      mustBeLessThan: 5\n"
    rule += "      customProperties: [{property: tamis.action, value: quarantine}]\n"
    with pytest.raises(ContractError, match="all rows together"):
        read(tmp_path, BODY + rule)


def test_a_table_is_chosen_by_name(tmp_path):
    contract = read(tmp_path, BODY + "- name: u\n  properties: [{name: b}]\n")
    assert contract.table("u").properties[0].name == "b"
    with pytest.raises(Exception, match="2 tables: t, u"):
        contract.table()
