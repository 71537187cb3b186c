"""A real HTTP server on loopback that plays a model server from a script. It keeps what it was asked."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from harnesslab.engine.openai_http import Patience
from harnesslab.models.entry import ModelEntry

QUICK = Patience(attempts=3, pause=0.01, longest=0.5, connect=2.0, read=5.0)


@dataclass(frozen=True)
class Reply:
    """One HTTP answer; bytes are sent as they are. `wait` in seconds; `cut` drops the connection instead."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0.0
    cut: bool = False


@dataclass
class Asked:
    method: str
    path: str
    body: Any
    authorization: str
    at: float


Answer = Reply | Callable[[Any], Reply]


class ModelServer:
    """`chat` answers /v1/chat/completions, the last one again and again; `routes` answers all other paths.

    `port` 0 takes a free one.
    """

    def __init__(self, chat: list[Answer], routes: Mapping[str, Any], port: int = 0) -> None:
        self._chat = list(chat)
        self._routes = dict(routes)
        self._lock = threading.Lock()
        self._gone = False
        self.asked: list[Asked] = []
        self.at_once = 0
        self.most_at_once = 0
        server = self
        self._http = ThreadingHTTPServer(("127.0.0.1", port), _handler(server))
        self._http.daemon_threads = True
        self.port = self._http.server_address[1]
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def chats(self) -> list[Asked]:
        return [a for a in self.asked if a.path.endswith("/chat/completions")]

    def entry(self, **fields: Any) -> ModelEntry:
        return ModelEntry(name="served", engine="openai", base_url=self.url, **fields)

    def answer(self, asked: Asked) -> Reply:
        if self._gone:  # connections that are still open end with the server
            return Reply(cut=True)
        with self._lock:
            self.asked.append(asked)
            if asked.path != "/v1/chat/completions":
                found = self._routes.get(asked.path)
                if found is None:
                    return Reply({"error": "no such path"}, 404)
                return found if isinstance(found, Reply) else Reply(found)
            chosen = self._chat.pop(0) if len(self._chat) > 1 else self._chat[0]
        return chosen if isinstance(chosen, Reply) else chosen(asked.body)

    def stop(self) -> None:
        self._gone = True
        self._http.shutdown()
        self._http.server_close()


def _handler(server: ModelServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve(None)

        def do_POST(self) -> None:
            self._serve(json.loads(self.rfile.read(int(self.headers["content-length"]))))

        def _serve(self, body: Any) -> None:
            asked = Asked(self.command, self.path, body, self.headers.get("authorization", ""), time.monotonic())
            reply = server.answer(asked)
            with server._lock:
                server.at_once += 1
                server.most_at_once = max(server.most_at_once, server.at_once)
            time.sleep(reply.wait)
            with server._lock:
                server.at_once -= 1
            if reply.cut:
                self.close_connection = True
                self.connection.close()
                return
            data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            with contextlib.suppress(OSError):
                self.send_response(reply.status)
                for name, value in {"content-length": str(len(data)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:
            return None

    return Handler


LLAMA_PROPS = {"default_generation_settings": {"n_ctx": 4096}, "total_slots": 3, "build_info": "b11434-abc"}
MODELS = {"data": [{"id": "m"}]}
LLAMA_ROUTES: Mapping[str, Any] = {"/props": LLAMA_PROPS, "/v1/models": MODELS}
VLLM_ROUTES: Mapping[str, Any] = {
    "/version": {"version": "0.11.0"},
    "/v1/models": {"data": [{"id": "m", "max_model_len": 32768}]},
}
OLLAMA_ROUTES: Mapping[str, Any] = {
    "/api/version": {"version": "0.40.12"},
    "/v1/models": {"data": [{"id": "m:latest"}, {"id": "other"}]},
    "/api/show": {"parameters": 'stop    "<|im_end|>"\nnum_ctx    6144', "capabilities": ["completion", "tools"]},
    "/api/ps": {"models": []},
}
LM_STUDIO_ROUTES: Mapping[str, Any] = {
    "/props": {"error": "Unexpected endpoint or method. (GET /props)"},
    "/api/version": {"error": "Unexpected endpoint or method. (GET /api/version)"},
    "/version": {"error": "Unexpected endpoint or method. (GET /version)"},
    "/v1/models": MODELS,
    "/api/v0/models": {
        "data": [{"id": "m", "state": "loaded", "max_context_length": 32768, "loaded_context_length": 16384}]
    },
}
PLAIN_ROUTES: Mapping[str, Any] = {"/v1/models": MODELS}


@contextlib.contextmanager
def serving(*chat: Answer, routes: Mapping[str, Any] = LLAMA_ROUTES) -> Iterator[ModelServer]:
    server = ModelServer(list(chat) or [said("hello")], routes)
    try:
        yield server
    finally:
        server.stop()


def said(
    content: str | None = "",
    *calls: tuple[str, Any],
    prompt: int = 100,
    cached: int = 0,
    generated: int = 7,
    finish: str = "stop",
    **message: Any,
) -> Reply:
    """A chat completion; arguments of a call are sent as they are."""
    written = [
        {"id": f"random{i}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for i, (name, arguments) in enumerate(calls)
    ]
    full = {"role": "assistant", "content": content, **({"tool_calls": written} if written else {}), **message}
    return Reply(
        {
            "choices": [{"index": 0, "message": full, "finish_reason": finish}],
            "usage": {
                "prompt_tokens": prompt,
                "completion_tokens": generated,
                "prompt_tokens_details": {"cached_tokens": cached},
            },
        }
    )
