"""Examples that the API's description shows. Written by hand; a test holds them to their schemas."""

from typing import Any

_AT = "2026-03-01T12:00:00.000000Z"
_RUN = "run_019a7c5e2f3b4d5e8a1b2c3d4e5f60"
_MESSAGE = "msg_019a7c5e2f3c4d5e8a1b2c3d4e5f61"
_TEXT = "One day on Venus is longer than one year there."
_USAGE = {"prompt_tokens": 20, "completion_tokens": 12, "total_tokens": 32, "estimated": False}
_STATS = {"time_to_first_token_ms": 120.0, "elapsed_ms": 900.0, "tokens_per_second": 15.4}
_MADE_BY = {"provider": "openai", "model": "gpt-5-mini"}

REQUEST_ID = "req_019a7c5e2f3d4d5e8a1b2c3d4e5f62"

_PROVIDER = {
    "name": "openai",
    "state": "HEALTHY",
    "error": None,
    "models": ["gpt-5-mini"],
    "last_checked": _AT,
    "retry_at": None,
}
_RUN_ANSWER = {
    "run_id": _RUN,
    "chat_id": "space-facts",
    "message_id": _MESSAGE,
    "state": "completed",
    **_MADE_BY,
    "created_at": _AT,
    "event_count": 14,
    "response_chars": 47,
    "finish_reason": "stop",
    "error": None,
    "usage": _USAGE,
    "stats": _STATS,
    "events_url": f"/runs/{_RUN}/events",
    "success": True,
}

JSON: dict[str, Any] = {
    "SendBody": {"message": "Tell me a fun fact about space", "chat_id": "space-facts"},
    "ContinueBody": {"message_id": _MESSAGE, "max_tokens": 500},
    "RegenerateBody": {"message_id": _MESSAGE, "temperature": 1.0},
    "EditBody": {"message_id": _MESSAGE, "message": "Tell me a fun fact about Mars", "revision": 3},
    "BranchBody": {"message_id": _MESSAGE, "revision": 3},
    "ForkBody": {"message_id": _MESSAGE, "chat_id": "mars-facts"},
    "RenameBody": {"title": "Space facts", "revision": 3},
    "SystemPromptBody": {"system_prompt": "Answer in one sentence.", "revision": 3},
    "ChangedAnswer": {
        "chat_id": "space-facts",
        "title": "Space facts",
        "revision": 4,
        "message_count": 4,
        "success": True,
    },
    "SendAnswer": {
        "response": _TEXT,
        "chat_id": "space-facts",
        "success": True,
        "run_id": _RUN,
        "message_id": _MESSAGE,
        **_MADE_BY,
        "finish_reason": "stop",
        "usage": _USAGE,
        "stats": _STATS,
        "checks": [{"name": "cut", "verdict": "pass"}, {"name": "refusal", "verdict": "pass"}],
    },
    "BackgroundAnswer": {
        "run_id": _RUN,
        "chat_id": "space-facts",
        "events_url": f"/runs/{_RUN}/events",
        "success": True,
    },
    "ChatList": {
        "chats": {
            "space-facts": {
                "created_at": _AT,
                "last_updated": _AT,
                "message_count": 3,
                "title": "Tell me a fun fact about space",
                **_MADE_BY,
                "active_run": None,
            }
        },
        "next_cursor": None,
        "success": True,
    },
    "RestoreBody": {"generation": 6, "revision": 8},
    "RestoreAnswer": {
        "message": "Chat space-facts restored from generation 6",
        "chat_id": "space-facts",
        "revision": 9,
        "success": True,
    },
    "GenerationList": {
        "generations": [
            {
                "generation": 7,
                "title": "Tell me a fun fact about space",
                "last_updated": _AT,
                "message_count": 14,
                "size_bytes": 5120,
            }
        ],
        "success": True,
    },
    "TrashList": {
        "chats": [
            {
                "chat_id": "space-facts",
                "title": "Tell me a fun fact about space",
                "deleted_at": _AT,
                "message_count": 14,
            }
        ],
        "next_cursor": None,
        "success": True,
    },
    "HistoryAnswer": {
        "chat_id": "space-facts",
        "history": {
            "created_at": _AT,
            "last_updated": _AT,
            "title": "Tell me a fun fact about space",
            "revision": 1,
            "messages": [
                {"role": "user", "content": "Tell me a fun fact about space", "id": _MESSAGE, "timestamp": _AT},
                {"role": "assistant", "content": _TEXT, "run_id": _RUN, "status": "complete", **_MADE_BY},
            ],
            "has_more": False,
            "system_prompt": "You are a helpful AI assistant.",
        },
        "active_run": None,
        "success": True,
    },
    "ChatFile": {
        "format": 1,
        "chat_id": "space-facts",
        "title": "Tell me a fun fact about space",
        "created_at": _AT,
        "last_updated": _AT,
        "messages": [
            {"id": _MESSAGE, "role": "user", "content": "Tell me a fun fact about space", "timestamp": _AT},
            {"role": "assistant", "content": _TEXT, "timestamp": _AT},
        ],
    },
    "ImportAnswer": {
        "imported": ["space-facts"],
        "skipped": [{"chat_id": "6b0f0d9c-1111-4000-8000-000000000001", "reason": "already_there"}],
        "findings": [{"where": "conversation 3 6b0f…, message 5d2a…", "what": "file cat.png: left out"}],
        "success": True,
    },
    "Confirmation": {"message": "Chat space-facts deleted successfully", "success": True},
    "RunAnswer": _RUN_ANSWER,
    "StopReceipt": {
        "run_id": _RUN,
        "state": "stopped",
        "upstream_closed": True,
        "completion_tokens": 5,
        "success": True,
    },
    "ServiceAnswer": {
        "app_name": "chatkeep",
        "version": "0.1.0",
        "endpoints": [{"path": "/chat", "method": "POST", "description": "Send a message"}],
    },
    "HealthAnswer": {
        "status": "ok",
        "timestamp": _AT,
        "response_code": 200,
        "state": "healthy",
        "providers": {"openai": "HEALTHY"},
        "version": "0.1.0",
    },
    "ReadyAnswer": {"status": "ready", "success": True},
    "PromptBody": {"prompt": "Tell me a fun fact about space"},
    "GenerateBody": {"prompt": "Tell me a fun fact about space", "temperature": 0.7},
    "GenerateAnswer": {
        "text": _TEXT,
        **_MADE_BY,
        "finish_reason": "stop",
        "usage": _USAGE,
        "stats": _STATS,
        "request_id": REQUEST_ID,
        "run_id": _RUN,
        "success": True,
    },
    "ChatBody": {"message": "Tell me a fun fact about space", "chat_id": "space-facts"},
    "HistoryRow": {
        "id": _RUN,
        "prompt": "Tell me a fun fact about space",
        "response": _TEXT,
        "created_at": _AT,
        "status": "complete",
    },
    "ProviderList": {"providers": [_PROVIDER], "default": "openai", "success": True},
    "ModelList": {
        "models": [
            {
                "id": "openai/gpt-5-mini",
                **_MADE_BY,
                "context_tokens": 400_000,
                "input_usd_per_mtok": 0.25,
                "output_usd_per_mtok": 2.0,
                "can_prefill": False,
                "can_see": True,
            }
        ],
        "success": True,
    },
    "ProvidersHealth": {"state": "healthy", "providers": [_PROVIDER], "checked": False, "success": True},
    "HelpAnswer": {
        "text": "Configured providers:\n- openai, the default: gpt-5-mini",
        "default": "openai",
        "configured": [{"name": "openai", "state": "HEALTHY", "error": None, "models": ["gpt-5-mini"]}],
        "available": [{"name": "groq", "how": "Set GROQ_API_KEY."}],
        "endpoints": [{"path": "/chat", "method": "POST", "description": "Send a message"}],
        "example": 'curl -N http://127.0.0.1:8000/api/v1/chat -d \'{"message": "Hello"}\'',
        "success": True,
    },
    "RunList": {"runs": [_RUN_ANSWER], "success": True},
    "SearchAnswer": {
        "results": [
            {
                "chat_id": "space-facts",
                "title": "What is space made of?",
                "message_id": _MESSAGE,
                "role": "assistant",
                "snippet": "One day on \ue000Venus\ue001 is longer than one year there.",
                "score": 1.7,
                "timestamp": _AT,
            }
        ],
        "total": 1,
        "incomplete": False,
    },
    "LoginBody": {"key": "ck_…"},
    "LogoutAnswer": {"success": True},
    "WhoAnswer": {"name": "alice", "owner": "alice", "role": "user", "success": True},
    "AuditAnswer": {
        "entries": [{"at": _AT, "who": "alice", "what": "POST /chat", "outcome": 200, "request_id": REQUEST_ID}],
        "success": True,
    },
    "EverybodysRuns": {
        "runs": [
            {
                "run_id": _RUN,
                "owner": "alice",
                "chat_id": "space-facts",
                "state": "running",
                **_MADE_BY,
                "created_at": _AT,
            }
        ],
        "success": True,
    },
}
"""By the name of the schema; a list of them is shown with one."""

STREAMS: dict[str, str] = {
    "/ text/html": '<!doctype html>\n<html lang="en">…</html>\n',
    "/stream text/plain": _TEXT,
    "/chat/export/{chat_id} text/markdown": f"# Space\n\n## Assistant\n\n> {_TEXT}\n",
    "/chat/export/{chat_id} text/plain": f"Space\n=====\n\nAssistant:\n\n    {_TEXT}\n",
    "/metrics text/plain": "# TYPE chatkeep_http_requests_total counter\n",
    "text/event-stream": (
        "id: 0\nevent: start\nretry: 1000\n"
        f'data: {{"run_id":"{_RUN}","chat_id":"space-facts","message_id":"{_MESSAGE}",'
        '"provider":"openai","model":"gpt-5-mini"}\n\n'
        'id: 1\nevent: delta\ndata: {"text":"One day"}\n\n'
        'id: 2\nevent: done\ndata: {"finish_reason":"stop","state":"completed",'
        f'"message_id":"{_MESSAGE}"}}\n\n'
    ),
    "application/x-ndjson": (
        f'{{"id":"{_RUN}","object":"chat.completion.chunk","created":1772366400,"model":"gpt-5-mini",'
        '"choices":[{"index":0,"delta":{"content":"One day"},"finish_reason":null}]}\n'
    ),
}
"""By the media type, or by path and media type: `/metrics text/plain`."""

DETAILS = {
    "unauthorized": "Send a key, as `X-API-Key: KEY` or as `Authorization: Bearer KEY`.",
    "forbidden": "The role reader of the key dashboard does not allow this.",
    "not_found": "There is nothing here.",
    "generation_not_found": "Nothing is kept of chat space-facts at revision 1.",
    "chat_not_found": "There is no chat space-facts.",
    "run_not_found": "There is no run run_none.",
    "provider_not_found": "There is no provider opnai. There are: openai, ollama.",
    "model_not_found": "The provider openai has no model gpt-0.",
    "chat_busy": "A run is going in the chat space-facts.",
    "conflict": "The last reply came to its end: there is nothing to continue.",
    "revision_conflict": "Chat space-facts has revision 8, not 7.",
    "idempotency_mismatch": "This Idempotency-Key was used with another body.",
    "run_expired": "Event 7 of this run is not kept any more.",
    "body_too_large": "Request Entity Too Large",
    "invalid_request": "$.message: Expected `str` of length >= 1",
    "invalid_chat_id": "A chat id is 1 to 128 letters, digits, underscores or hyphens (A-Z a-z 0-9 _ -).",
    "content_denied": "The check patterns does not let this message through: It matches line 3 of the denied patterns.",
    "context_too_long": "The message alone does not fit the 8192 tokens of the model.",
    "rate_limited": "At most 60 requests of this kind in 60 s.",
    "internal_error": "An unexpected ValueError.",
    "storage_failed": "The data folder could not be read: Input/output error.",
    "chat_unreadable": "space-facts.json is not a chat. It is left as it is.",
    "provider_error": "The provider openai answered with status 500.",
    "provider_unavailable": "The provider openai could not be reached.",
    "provider_rate_limited": "The provider openai asks to slow down.",
    "provider_not_configured": "Set OPENAI_API_KEY to use the provider openai.",
    "search_timeout": "The search took longer than 2 seconds. Use rarer words.",
    "shutting_down": "The server is stopping.",
    "run_interrupted": "The server stopped while the run was going.",
    "provider_timeout": "The provider openai sent nothing for 30 s.",
    "storage_full": "No space left on device.",
}
"""What a problem document says to a person, by its code."""
