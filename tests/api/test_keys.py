"""Keys, sessions and tokens: who gets in."""

import json
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from tests.api.conftest import Keyed
from tests.server import Client, Server, eventually, serving

CLOSED = ("/chat/history", "/runs/run_x", "/login", "/admin/audit")


@pytest.mark.parametrize("path", CLOSED)
def test_without_a_key_a_closed_route_is_401(keyed: Keyed, path: str) -> None:
    response = keyed.nobody.http.get(path)

    assert (response.status_code, response.json()["code"]) == (401, "unauthorized")
    assert response.headers["www-authenticate"] == 'Bearer realm="chatkeep"'


@pytest.mark.parametrize("path", ["/", "/health", "/health/ready", "/openapi.json"])
def test_what_says_nothing_of_anybody_needs_no_key(keyed: Keyed, path: str) -> None:
    assert keyed.nobody.http.get(path).status_code == 200
    assert keyed.nobody.http.get(path, headers={"X-API-Key": "wrong"}).status_code == 200


def _key(client: Client) -> str:
    return client.http.headers["X-API-Key"]


def test_a_wrong_truncated_or_huge_key_is_401(keyed: Keyed) -> None:
    key = _key(keyed.alice)
    for wrong in (key[:-1], key[:20], key + "x", "x", "", "ck_" + "é" * 43, "k" * 10_000):
        for name, value in (("X-API-Key", wrong), ("Authorization", f"Bearer {wrong}".strip())):
            headers = httpx.Headers([(name.encode(), value.encode())])
            response = keyed.nobody.http.get("/chat/history", headers=headers)
            assert (response.status_code, response.json()["code"]) == (401, "unauthorized"), wrong


def test_two_credentials_that_disagree_are_401(keyed: Keyed) -> None:
    alice, bob = _key(keyed.alice), _key(keyed.bob)

    both = keyed.nobody.http.get("/chat/history", headers={"X-API-Key": alice, "Authorization": f"Bearer {bob}"})
    same = keyed.nobody.http.get("/chat/history", headers={"X-API-Key": alice, "Authorization": f"Bearer {alice}"})

    assert (both.status_code, same.status_code) == (401, 200)


def test_a_reader_reads_its_owners_chats_and_changes_nothing(keyed: Keyed) -> None:
    run_id = keyed.alice.send("hi", "for-reading").json()["run_id"]

    assert keyed.reader.history("for-reading")["chat_id"] == "for-reading"
    assert keyed.reader.follow(run_id)
    for refused in (
        keyed.reader.send("hi", "for-reading"),
        keyed.reader.http.delete("/chat/delete/for-reading"),
        keyed.reader.http.post(f"/runs/{run_id}/stop"),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")


def test_chats_of_a_key_stand_in_a_folder_of_its_name(keyed: Keyed) -> None:
    keyed.alice.send("hi", "mine")

    assert (keyed.server.folder / "@alice" / "mine.json").exists()


def test_the_same_id_is_another_chat_for_another_key(keyed: Keyed) -> None:
    keyed.alice.send("of alice", "shared-name")
    keyed.bob.send("of bob", "shared-name")

    assert keyed.alice.history("shared-name")["history"]["title"] == "of alice"
    assert keyed.bob.history("shared-name")["history"]["title"] == "of bob"


def test_an_idempotency_key_is_the_callers_own(keyed: Keyed) -> None:
    headers = {"Idempotency-Key": "everybody-uses-1"}

    first = keyed.alice.send("one", headers=headers).json()
    other = keyed.bob.send("two", headers=headers)

    assert other.status_code == 200
    assert other.json()["run_id"] != first["run_id"]


def test_a_key_in_the_settings_is_needed_and_opens_the_folder_itself(tmp_path: Path) -> None:
    with serving(tmp_path / "chats", environment={"API_KEY": "a-key-of-my-own"}) as server:
        assert server.client.send("hi").status_code == 401
        assert server.client_of("a-key-of-my-own").send("hi", "plain").status_code == 200
        assert server.chat_file("plain").exists()
        assert "a-key-of-my-own" not in server.log


def test_a_login_gives_a_cookie_that_no_script_reads_and_a_logout_ends_it(keyed: Keyed) -> None:
    with httpx.Client(base_url=keyed.server.base_url, trust_env=False) as browser:
        logged_in = browser.post("/login", json={"key": _key(keyed.alice)})
        cookie = logged_in.headers["set-cookie"].lower()
        assert logged_in.json() == {"name": "alice", "owner": "alice", "role": "user", "success": True}
        assert {"httponly", "samesite=strict", "path=/"} <= {part.strip() for part in cookie.split(";")}
        assert browser.get("/login").json()["name"] == "alice"

        stolen = dict(browser.cookies)
        assert browser.post("/logout").status_code == 200
        assert browser.get("/login").status_code == 401
        assert httpx.get(f"{keyed.server.base_url}/login", cookies=stolen, trust_env=False).status_code == 401


def test_a_logout_ends_the_cookies_session_also_beside_a_key(keyed: Keyed) -> None:
    with httpx.Client(base_url=keyed.server.base_url, trust_env=False) as browser:
        browser.post("/login", json={"key": _key(keyed.alice)})
        cookies = dict(browser.cookies)
        assert browser.post("/logout", headers={"X-API-Key": _key(keyed.bob)}).status_code == 200

    assert _who(keyed.server, cookies) == 401


def test_a_second_login_ends_the_first_session(keyed: Keyed) -> None:
    with httpx.Client(base_url=keyed.server.base_url, trust_env=False) as browser:
        browser.post("/login", json={"key": _key(keyed.alice)})
        first = dict(browser.cookies)
        browser.post("/login", json={"key": _key(keyed.alice)})

        assert _who(keyed.server, first) == 401
        assert browser.get("/login").status_code == 200


def test_a_password_that_a_proxy_asked_for_is_no_key(keyed: Keyed) -> None:
    headers = {"Authorization": "Basic cHJveHk6cGFzcw==", "X-API-Key": _key(keyed.alice)}

    assert keyed.nobody.http.get("/login", headers=headers).json()["name"] == "alice"


def test_a_logout_ends_the_open_streams_of_that_session_and_of_no_other(keyed: Keyed) -> None:
    with (
        logged_in(keyed) as laptop,
        logged_in(keyed) as phone,
        laptop.stream("[[tokens 5000]] [[delay 0.02]]", "left-open") as ending,
    ):
        run_id = ending.until(3)[0].fields["run_id"]
        with phone.following(run_id) as staying, keyed.alice.following(run_id) as by_key:
            assert laptop.http.post("/logout").status_code == 200
            seen = ending.rest()  # it ends, well before the run does
            assert seen[-1].event == "delta"
            assert keyed.alice.run(run_id)["state"] == "running"

            assert phone.http.post(f"/runs/{run_id}/stop").status_code == 200
            assert staying.rest() == by_key.rest()
            assert (staying.seen[-1].event, staying.lost) == ("done", False)


@contextmanager
def logged_in(keyed: Keyed) -> Iterator[Client]:
    """A browser with a session of alice's, and no key."""
    browser = Client(keyed.server.base_url)
    with closing(browser.http):
        assert browser.http.post("/login", json={"key": _key(keyed.alice)}).status_code == 200
        yield browser


def test_a_login_with_a_wrong_key_is_401_and_sets_no_cookie(keyed: Keyed) -> None:
    response = keyed.nobody.http.post("/login", json={"key": "wrong"})

    assert (response.status_code, response.json()["code"]) == (401, "unauthorized")
    assert "set-cookie" not in response.headers


def test_a_cookie_beside_another_keys_header_is_401(keyed: Keyed) -> None:
    with httpx.Client(base_url=keyed.server.base_url, trust_env=False) as browser:
        browser.post("/login", json={"key": _key(keyed.alice)})

        assert browser.get("/login", headers={"X-API-Key": _key(keyed.bob)}).status_code == 401
        assert browser.get("/login", headers={"X-API-Key": _key(keyed.alice)}).status_code == 200


def test_a_session_survives_a_kill_and_ends_with_its_key(tmp_path: Path) -> None:
    with serving(tmp_path / "chats", start=False) as server:
        key = server.add_key("alice")
        server.start()
        cookies = dict(httpx.post(f"{server.base_url}/login", json={"key": key}, trust_env=False).cookies)
        server.kill()
        server.start()
        assert _who(server, cookies) == 200

        server.keys("revoke", "alice")

        eventually(lambda: _who(server, cookies) == 401)


def _who(server: Server, cookies: dict[str, str]) -> int:
    return httpx.get(f"{server.base_url}/login", cookies=cookies, trust_env=False).status_code


def test_a_server_without_keys_needs_no_login(client: Client) -> None:
    response = client.http.post("/login", json={"key": "whatever"})

    assert response.json()["name"] == "anonymous"
    assert "set-cookie" not in response.headers


def test_a_server_without_keys_takes_any_key(client: Client) -> None:
    """Clients made for other services always send one."""
    assert client.http.get("/chat/history", headers={"Authorization": "Bearer sk-none"}).status_code == 200


def test_keys_are_added_and_revoked_while_the_server_runs(tmp_path: Path) -> None:
    with serving(tmp_path / "chats") as server:
        assert server.client.send("hi").status_code == 200
        alice = server.client_of(server.add_key("alice"))

        eventually(lambda: server.client.http.get("/chat/history").status_code == 401)
        assert alice.http.get("/chat/history").status_code == 200

        server.keys("revoke", "alice")
        eventually(lambda: alice.http.get("/chat/history").status_code == 401)
        assert server.client.http.get("/chat/history").status_code == 401


def test_a_file_of_keys_that_breaks_opens_nothing(tmp_path: Path) -> None:
    with serving(tmp_path / "chats", start=False) as server:
        key = server.add_key("alice")
        keys = server.folder / ".chatkeep" / "keys.json"
        whole = keys.read_bytes()
        keys.write_bytes(whole[:40])
        assert "not a file of keys" in server.refused()

        keys.write_bytes(whole)
        server.start()
        keys.write_bytes(b"{}")
        eventually(lambda: "keys_unreadable" in server.log)
        assert server.client_of(key).http.get("/chat/history").status_code == 200
        keys.unlink()
        eventually(lambda: "keys_gone" in server.log)
        assert server.client.http.get("/chat/history").status_code == 401


def test_a_token_of_the_issuer_is_taken_and_no_other(tmp_path: Path) -> None:
    key = ECKey.generate_key("P-256", auto_kid=True)
    foreign = ECKey.generate_key("P-256", auto_kid=True)
    jwks = tmp_path / "jwks.json"
    jwks.write_text(json.dumps(KeySet([key]).as_dict(private=False)))
    environment = {
        "CHATKEEP_JWT_JWKS_FILE": str(jwks),
        "CHATKEEP_JWT_ISSUER": "https://login.example",
        "CHATKEEP_JWT_AUDIENCE": "chatkeep",
        "CHATKEEP_JWT_ALGORITHM": "ES256",
        "CHATKEEP_JWT_ROLE_CLAIM": "chat_role",
    }
    good = {
        "sub": "alice",
        "iss": "https://login.example",
        "aud": ["chatkeep", "other"],
        "exp": int(time.time()) + 600,
        "chat_role": "user",
    }

    def token(claims: dict[str, object], signer: ECKey = key, algorithm: str = "ES256") -> str:
        return jwt.encode({"alg": algorithm, "kid": key.kid}, claims, signer)

    def without(name: str) -> dict[str, object]:
        return {claim: value for claim, value in good.items() if claim != name}

    with serving(tmp_path / "chats", environment=environment) as server:

        def status(credential: str) -> int:
            return server.client.http.get("/login", headers={"Authorization": f"Bearer {credential}"}).status_code

        assert status(token(good)) == 200
        assert server.client_of(token(good)).send("hi", "by-token").status_code == 200
        assert (server.folder / "@jwt-alice" / "by-token.json").exists()
        header, body, signature = token(good).split(".")
        none = "eyJhbGciOiJub25lIn0"
        for wrong in (
            *(token(without(name)) for name in ("sub", "iss", "aud", "exp", "chat_role")),
            token({**good, "exp": int(time.time()) - 600}),
            token({**good, "nbf": int(time.time()) + 600}),
            token({**good, "iss": "https://evil.example"}),
            token({**good, "aud": "another"}),
            token({**good, "chat_role": "root"}),
            token(good, foreign),
            f"{none}.{body}.",
            f"{none}.{body}.{signature}",
            f"{header}.{body}.{signature[:-4]}",
            f"{header}.{body[:-4]}.{signature}",
            "a.b.c",
            "..",
        ):
            assert status(wrong) == 401, wrong


def test_tokens_need_an_issuer_and_an_audience(tmp_path: Path) -> None:
    jwks = tmp_path / "jwks.json"
    jwks.write_text('{"keys": []}')
    with serving(tmp_path / "chats", start=False, environment={"CHATKEEP_JWT_JWKS_FILE": str(jwks)}) as server:
        assert "CHATKEEP_JWT_ISSUER" in server.refused()
