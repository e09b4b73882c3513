"""Rows of every shape to rows of a kind, one at a time and in plain Python; None for a row that is refused."""

import hashlib
import json

ENVELOPE = ("url", "license", "collected_at")


def row(found: dict, kind: str, name: str, place: int, source: str | None = None) -> dict | None:
    """`found` as a row of `kind`, from place `place` of the file called `name`."""
    left = dict(found)
    own = {"document": document, "chat": chat, "preference": preference, "eval_item": eval_item}[kind](left)
    if own is None:
        return None
    out = {key: scalar(left, key) for key in ENVELOPE}
    out["id"] = scalar(left, "id") if left.get("id", 0) != "" else None
    out["source"] = source or (left.pop("source") if isinstance(left.get("source"), str) and left["source"] else None)
    out["source"] = out["source"] or name.split(".")[0]
    key = out["id"] if out["id"] is not None else f"@{name}#{place}"
    out["record_id"] = hashlib.sha256(f"{out['source']}\0{key}".encode()).digest()[:16]
    if left.get("meta", 0) is None:
        del left["meta"]
    out["meta"] = left["meta"] if list(left) == ["meta"] and isinstance(left["meta"], dict) else left or None
    return out | own


def scalar(left: dict, key: str) -> str | None:
    """The string, number or boolean under `key` as text, taken out."""
    if key not in left or isinstance(left[key], (list, dict)):
        return None
    value = left.pop(key)
    return value if value is None or isinstance(value, str) else json.dumps(value)


def document(left: dict) -> dict | None:
    for key in ("text", "content", "raw_content"):
        if left.get(key) is not None:
            return {"text": left.pop(key)} if isinstance(left[key], str) else None
    return None


def chat(left: dict) -> dict | None:
    if left.get("messages") is not None:
        said = turns(left, "messages", None)
    elif left.get("conversations") is not None:
        said = turns(left, "conversations", None)
    elif left.get("instruction") is not None and left.get("output") is not None:
        parts = [left.pop("instruction"), left.pop("input", None), left.pop("output")]
        if not all(isinstance(p, str) or (k == 1 and p is None) for k, p in enumerate(parts)):
            return None
        asked = parts[0] + ("\n\n" + parts[1] if parts[1] else "")
        said = [message("user", asked), message("assistant", parts[2])]
    elif left.get("prompt") is not None and left.get("completion") is not None:
        said = joined(turns(left, "prompt", "user"), turns(left, "completion", "assistant"))
    else:
        return None
    return None if said is None else {"messages": system(left) + said}


def preference(left: dict) -> dict | None:
    if left.get("chosen") is None or left.get("rejected") is None:
        return None
    head = system(left)
    asked = next((key for key in ("prompt", "messages", "conversations") if left.get(key) is not None), None)
    prompt = turns(left, asked, "user") if asked else []
    chosen, rejected = turns(left, "chosen", "assistant", not asked), turns(left, "rejected", "assistant", not asked)
    if None in (prompt, chosen, rejected):
        return None
    prompt = head + prompt
    most = min(len(chosen), len(rejected)) - 1
    if not asked:
        n = 0
        while n < most and chosen[n] == rejected[n]:
            n += 1
        prompt = prompt + chosen[:n]
    else:
        n = len(prompt) if 0 < len(prompt) <= most and prompt == chosen[: len(prompt)] == rejected[: len(prompt)] else 0
    return {"prompt": prompt, "chosen": chosen[n:], "rejected": rejected[n:]} if prompt else None


def eval_item(left: dict) -> dict | None:
    question, context, choices = left.pop("question", None), left.pop("context", None), left.pop("choices", None)
    if not isinstance(question, str) or not (context is None or isinstance(context, str)):
        return None
    if isinstance(choices, dict):
        left["choices"] = {key: value for key, value in choices.items() if key != "text"}
        choices = choices.get("text")
        if not isinstance(choices, list):
            return None
    if choices is not None and not all(isinstance(c, str) for c in choices):
        return None
    index = -1
    if isinstance(left.get("answer_index"), int) and left["answer_index"] >= 0:
        index = left.pop("answer_index")
    elif choices and isinstance(left.get("answer"), int) and left["answer"] >= 0:
        index = left.pop("answer")
    if choices and index >= len(choices):
        return None
    answer = scalar(left, "answer")
    answer = choices[index] if answer is None and choices and index >= 0 else answer
    out = {"question": question, "context": context, "choices": choices, "answer": answer}
    return out | {"answer_index": None if index < 0 else index}


def system(left: dict) -> list:
    return [message("system", left.pop("system"))] if isinstance(left.get("system"), str) and left["system"] else []


def joined(one: list | None, other: list | None) -> list | None:
    return None if one is None or other is None else one + other


def message(role: str, content: str | None, extra: dict | None = None) -> dict:
    return {"role": role, "content": content, "extra": extra or None}


def turns(left: dict, key: str, role: str | None, dialogue: bool = False) -> list | None:
    """The messages under `key`, taken out; a string is said by `role`, where there is one."""
    value = left.pop(key)
    if isinstance(value, str) and role:
        return hh(value) if dialogue and value.startswith("\n\nHuman:") else [message(role, value)]
    value = [value] if isinstance(value, dict) and role else value
    if not isinstance(value, list):
        return None
    said = [turn(one) for one in value]
    return None if None in said else said


def turn(value: object) -> dict | None:
    if not isinstance(value, dict):
        return None
    extra = dict(value)
    if isinstance(extra.get("role"), str):
        role = extra.pop("role")
    elif isinstance(extra.get("from"), str):
        role = {"human": "user", "gpt": "assistant"}.get(extra["from"], extra["from"])
        del extra["from"]
    else:
        return None
    key = "value" if extra.get("content") is None and extra.get("value") is not None else "content"
    content = extra.get(key)
    if isinstance(content, list):
        texts, extra[key] = [], []
        for part in content:
            text = part.get("text") if isinstance(part, dict) else part
            if isinstance(text, str):
                texts.append(text)
                lines = text.count("\n") + 1
                part = part | {"text": lines} if isinstance(part, dict) else lines
            extra[key].append(part)
        return message(role, "\n".join(texts), extra)
    if not (content is None or isinstance(content, str)):
        return None
    extra.pop(key, None)
    return message(role, content, extra)


def hh(text: str) -> list:
    said = []
    for asked in text.split("\n\nHuman:")[1:]:
        human, *answers = asked.split("\n\nAssistant:")
        said += [
            message("user", human.removeprefix(" ")),
            *(message("assistant", a.removeprefix(" ")) for a in answers),
        ]
    return said
