"""Several requests in one body (multipart/mixed), answered one by one in the same order."""

from __future__ import annotations

import uuid
from dataclasses import replace
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from http import HTTPStatus

from google.api_core import exceptions

from cloud.testing.messages import Answer, Handler, Request, answered

MOST_REQUESTS = 100


def batch(request: Request, handler: Handler) -> Answer:
    """The answers of `handler` to each request of the batch. One that fails fails alone.

    Raises:
        BadRequest: the body is no batch, or has more than 100 requests.
    """
    head = f"Content-Type: {request.headers.get('content-type', '')}\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + request.body)
    if not message.is_multipart():
        raise exceptions.BadRequest("Failed to parse batch request: the body is not multipart/mixed.")
    parts = list(message.iter_parts())
    if len(parts) > MOST_REQUESTS:
        raise exceptions.BadRequest(f"The batch has {len(parts)} requests; the most is {MOST_REQUESTS}.")
    boundary = f"batch_{uuid.uuid4().hex}"
    answers = [_part(each, answered(handler, _request(each, request))) for each in parts]
    body = b"".join(b"--%s\r\n%s\r\n" % (boundary.encode(), each) for each in answers)
    return Answer(
        body=body + f"--{boundary}--\r\n".encode(),
        headers={"Content-Type": f"multipart/mixed; boundary={boundary}"},
    )


def _request(part: Message, outer: Request) -> Request:
    payload = part.get_payload(decode=True)
    lines, _, body = bytes(payload).replace(b"\r\n", b"\n").partition(b"\n\n")
    first, _, headers = lines.partition(b"\n")
    method, target, *_ = first.decode().split(" ")
    parsed = BytesParser(policy=HTTP).parsebytes(headers + b"\n\n")
    inner = Request.of(method, target, dict(parsed.items()), body, outer.origin)
    return replace(inner, caller=outer.caller)


def _part(part: Message, answer: Answer) -> bytes:
    identity = str(part.get("Content-ID", "")).strip().lstrip("<")
    head = f"Content-Type: application/http\r\nContent-ID: <response-{identity}\r\n\r\n"
    status = f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}\r\n"
    headers = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
    return f"{head}{status}{headers}Content-Length: {len(answer.body)}\r\n\r\n".encode() + answer.body
