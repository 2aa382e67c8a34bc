"""python-etcd3 0.12, unmodified, against one member; `tests/python.rs` runs it.

Usage: etcd3_client.py HOST PORT
"""

import sys
import threading
import time

import etcd3

HOST, PORT = sys.argv[1], int(sys.argv[2])


def client(**options):
    return etcd3.client(host=HOST, port=PORT, timeout=10, **options)


def keys():
    c = client()
    c.put("a", "1")
    c.put("b", "2")
    c.put("c/1", "3")
    c.put("c/2", "4")
    value, meta = c.get("a")
    assert (value, meta.key, meta.version) == (b"1", b"a", 1), meta
    assert c.get("none") == (None, None)
    assert [v for v, _ in c.get_prefix("c/")] == [b"3", b"4"]
    assert [v for v, _ in c.get_prefix("c/", sort_order="descend")] == [b"4", b"3"]
    assert [v for v, _ in c.get_range("a", "c")] == [b"1", b"2"]
    assert sum(1 for _ in c.get_all()) == 4
    response = c.get_all_response(keys_only=True)
    assert [kv.value for kv in response.kvs] == [b""] * 4
    assert c.put("a", "5", prev_kv=True).prev_kv.value == b"1"
    assert c.replace("a", "5", "6") and not c.replace("a", "5", "7")
    assert c.put_if_not_exists("new", "x") and not c.put_if_not_exists("new", "y")
    assert c.delete("b") and not c.delete("b")
    assert c.delete_prefix("c/").deleted == 2
    revision = c.get_response("a").header.revision
    c.compact(revision)
    return "keys"


def transactions():
    c = client()
    c.put("t", "1")
    done, answers = c.transaction(
        compare=[c.transactions.value("t") == "1", c.transactions.version("t") > 0],
        success=[c.transactions.put("t", "2"), c.transactions.get("t")],
        failure=[c.transactions.delete("t")],
    )
    assert done and answers[1][0][0] == b"2", answers
    done, answers = c.transaction(
        compare=[c.transactions.create("t") == 0],
        success=[],
        failure=[c.transactions.get("t"), c.transactions.delete("t")],
    )
    assert not done and answers[0][0][0] == b"2", answers
    done, _ = c.transaction(
        compare=[],
        success=[c.transactions.txn(compare=[], success=[c.transactions.put("n", "1")], failure=[])],
        failure=[],
    )
    assert done and c.get("n")[0] == b"1"
    return "transactions"


def watches():
    c = client()
    events, cancel = c.watch_prefix("w/")
    # The stream is a thread of its own: what is put before it is served is not seen.
    for number in range(3):
        c.put(f"w/{number}", str(number))
    c.delete("w/1")
    seen = [next(events) for _ in range(4)]
    cancel()
    kinds = [type(event).__name__ for event in seen]
    assert kinds == ["PutEvent"] * 3 + ["DeleteEvent"], kinds
    assert [event.key for event in seen] == [b"w/0", b"w/1", b"w/2", b"w/1"]

    first = c.get("w/0")[1].mod_revision
    events, cancel = c.watch_prefix("w/", start_revision=first)
    again = [next(events) for _ in range(4)]
    cancel()
    assert [event.mod_revision for event in again] == [event.mod_revision for event in seen]

    heard = []
    done = threading.Event()

    def hear(response):
        heard.extend(response.events)
        done.set()

    watch = c.add_watch_callback("callback", hear)
    c.put("callback", "1")
    assert done.wait(10), "no call came"
    c.cancel_watch(watch)
    assert heard[0].value == b"1"

    c.compact(c.get_response("w/0").header.revision)
    try:
        events, _ = c.watch("w/0", start_revision=1)
        next(events)
        raise AssertionError("history that is gone was served")
    except etcd3.exceptions.RevisionCompactedError as error:
        assert error.compacted_revision > 1
    return "watches"


def leases_and_locks():
    c = client()
    lease = c.lease(60)
    c.put("leased", "1", lease=lease)
    assert lease.granted_ttl == 60 and 0 < lease.remaining_ttl <= 60
    assert lease.keys == [b"leased"], lease.keys
    assert next(iter(lease.refresh())).TTL == 60
    lease.revoke()
    assert c.get("leased") == (None, None)

    one, two = c.lock("lock", ttl=30), client().lock("lock", ttl=30)
    assert one.acquire(timeout=5) and one.is_acquired()
    assert not two.acquire(timeout=1)
    assert one.release()
    assert two.acquire(timeout=5) and two.release()
    with c.lock("lock") as held:
        assert held.is_acquired()
    return "leases and locks"


def upkeep():
    c = client()
    status = c.status()
    assert status.leader is not None and status.db_size > 0 and status.version, status
    members = list(c.members)
    assert len(members) == 1 and members[0].name, members
    assert list(c.list_alarms()) == []
    alarm = c.create_alarm()[0]
    try:
        c.put("full", "1")
        raise AssertionError("a write was taken although there is no space")
    except Exception as error:  # The library has no name for it.
        assert "database space exceeded" in str(error), error
    assert [a.alarm_type for a in c.list_alarms()] == [alarm.alarm_type]
    c.disarm_alarm()
    c.put("full", "1")
    c.hash()
    with open("/dev/null", "wb") as out:
        c.snapshot(out)
    return "upkeep"


def users():
    c = client()
    auth = etcd3.etcdrpc.AuthStub(c.channel)
    rpc = etcd3.etcdrpc
    auth.UserAdd(rpc.AuthUserAddRequest(name="root", password="secret"))
    auth.RoleAdd(rpc.AuthRoleAddRequest(name="root"))
    auth.UserGrantRole(rpc.AuthUserGrantRoleRequest(user="root", role="root"))
    auth.AuthEnable(rpc.AuthEnableRequest())
    try:
        c.get("a")
        raise AssertionError("a read was answered to nobody")
    except Exception as error:
        assert "user name is empty" in str(error), error
    try:
        client(user="root", password="wrong")
        raise AssertionError("a wrong password was taken")
    except Exception as error:
        assert "authentication failed" in str(error), error
    # The library wants to send a token only over TLS; its stubs send what they are told to.
    credentials = rpc.AuthenticateRequest(name="root", password="secret")
    metadata = [("token", auth.Authenticate(credentials).token)]
    kv = rpc.KVStub(c.channel)
    kv.Put(rpc.PutRequest(key=b"a", value=b"1"), metadata=metadata)
    answer = kv.Range(rpc.RangeRequest(key=b"a"), metadata=metadata)
    assert answer.kvs[0].value == b"1"
    auth.AuthDisable(rpc.AuthDisableRequest(), metadata=metadata)
    assert c.get("a")[0] == b"1"
    return "users"


def main():
    for step in [keys, transactions, watches, leases_and_locks, upkeep, users]:
        begin = time.monotonic()
        print(f"{step()}: {time.monotonic() - begin:.1f} s", flush=True)


main()
