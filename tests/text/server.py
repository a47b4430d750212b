"""An OpenAI-compatible embeddings server on 127.0.0.1 that fails when told to."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.text.fakes import expected


class EmbeddingServer:
    """Answers with the vectors of `expected`, in reverse order with their indexes.

    `script` holds what to do with the next requests: a status, (status, headers, body), "drop" or "hang".
    """

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.times: list[float] = []
        self.script: list[Any] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def __enter__(self) -> EmbeddingServer:
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()


def _handler(server: EmbeddingServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            server.requests.append({"path": self.path, **payload})
            server.keys.append(self.headers.get("Authorization"))
            server.times.append(time.monotonic())
            step = server.script.pop(0) if server.script else 200
            if step == "drop":
                self.close_connection = True
            elif step == "hang":
                time.sleep(1.0)
            elif step == 200:
                self._answer(200, {}, _good(payload))
            else:
                self._answer(*(step if isinstance(step, tuple) else (step, {}, "busy")))

        def _answer(self, status: int, headers: dict[str, str], body: str) -> None:
            content = body.replace("{key}", (server.keys[-1] or "").removeprefix("Bearer ")).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            pass

    return Handler


def _good(payload: dict[str, Any]) -> str:
    rows = expected(payload["input"])[:, : payload.get("dimensions", 8)].tolist()
    data = [{"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(rows)]
    return json.dumps({"object": "list", "model": payload["model"], "data": data[::-1]})
