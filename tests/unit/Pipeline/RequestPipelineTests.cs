using System.Net.Sockets;
using System.Text.Json;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Tests.Ledger;
using Qwamos.ControlBus.Tests.Listening;
using Qwamos.ControlBus.Tests.Trust;
using Xunit;

namespace Qwamos.ControlBus.Tests.Pipeline;

public sealed class RequestPipelineTests
{
    private static readonly byte[] Status = """{"msg":{"command":"get_status"}}"""u8.ToArray();

    [Fact]
    public async Task A_change_is_durable_with_its_peer_and_exact_envelope_when_it_is_answered()
    {
        await using PipelineTrial bus = await PipelineTrial.StartAsync();
        byte[] change = bus.Change("""{"RADIO_ISOLATION":"off"}""");
        JsonElement answer = bus.Ask(change)[0];
        Assert.Equal(0, answer.GetProperty("index").GetInt64());
        var entry = Assert.IsType<MessageEntry>(bus.Ledger.ReadEntry(0));
        Assert.Equal(change, entry.Envelope.Raw.ToArray());
        Assert.Equal(new EntryPeer(Posix.EffectiveUid, Posix.EffectiveGid, Environment.ProcessId), entry.Peer);
        Assert.Equal(bus.Time.UnixSeconds, entry.TimeSeconds);
    }

    [Fact]
    public async Task A_status_shows_the_changes_sent_before_it_on_its_connection()
    {
        await using PipelineTrial bus = await PipelineTrial.StartAsync();
        JsonElement[] answers = bus.Ask(bus.Change("""{"TOR_ISOLATION":"mandatory"}"""), Status, bus.Change("""{"X":1}"""), Status);
        Assert.Equal("mandatory", answers[1].GetProperty("policy").GetProperty("TOR_ISOLATION").GetString());
        Assert.Equal("invalid_policy", Code(answers[2]));
    }

    [Fact]
    public async Task A_status_that_cannot_be_made_is_an_error_in_its_place_and_told()
    {
        await using PipelineTrial bus = await PipelineTrial.StartAsync();
        bus.StatusDefect = new InvalidOperationException("no gateways");
        var told = new System.Collections.Concurrent.ConcurrentBag<string>();
        bus.Requests.StatusFailed += e => told.Add(e.Message);
        JsonElement[] answers = bus.Ask(bus.Change("""{"RADIO_ISOLATION":"off"}"""), Status, bus.Change("""{"TOR_ISOLATION":"off"}"""), Status);
        Assert.Equal([0, 1], new[] { answers[0], answers[2] }.Select(answer => answer.GetProperty("index").GetInt64()));
        Assert.Equal(["busy", "busy"], new[] { answers[1], answers[3] }.Select(Code));
        Assert.Equal(["no gateways", "no gateways"], told);
    }

    [Fact]
    public async Task A_statement_about_the_ledgers_key_is_recorded_once_and_an_older_one_superseded()
    {
        await using PipelineTrial bus = await PipelineTrial.StartAsync();
        byte[] statement = bus.SignKey(bus.Time.UnixSeconds);
        JsonElement[] answers = bus.Ask(bus.Change("""{"RADIO_ISOLATION":"off"}"""), statement, statement, bus.SignKey(bus.Time.UnixSeconds - 1), bus.Change("""{"RADIO_ISOLATION":"on"}"""));
        Assert.Equal([0, 1, 1, 2], new[] { 0, 1, 2, 4 }.Select(i => answers[i].GetProperty("index").GetInt64()));
        Assert.Equal("superseded", Code(answers[3]));
        var entry = Assert.IsType<LedgerKeyEntry>(bus.Ledger.ReadEntry(1));
        Assert.Equal((PipelineTrial.LedgerKey, bus.Time.UnixSeconds, bus.Time.UnixSeconds), (entry.Statement.Key, entry.Statement.TimestampSeconds, entry.TimeSeconds));
        Assert.Equal(Environment.ProcessId, entry.Peer.Pid);

        await bus.RestartAsync();
        Assert.Equal(1, bus.Loaded.State.LedgerKey!.Index);
        answers = bus.Ask(statement, bus.SignKey(bus.Time.UnixSeconds + 300), bus.SignKey(bus.Time.UnixSeconds + 301), statement);
        Assert.Equal([1, 3], answers[..2].Select(answer => answer.GetProperty("index").GetInt64()));
        Assert.Equal(["from_future", "superseded"], answers[2..].Select(Code));
        Assert.Equal(4, bus.Ledger.Size);
    }

    [Fact]
    public async Task A_statement_about_a_domains_key_is_recorded_once_and_a_revocation_stays()
    {
        await using PipelineTrial bus = await PipelineTrial.StartAsync();
        using SigningKey one = SigningKey.Generate(), two = SigningKey.Generate();
        long now = bus.Time.UnixSeconds;
        byte[] enrolment = bus.SignDomain("gw1", one, now - 2);
        JsonElement[] answers = bus.Ask(enrolment, enrolment, bus.SignDomain("gw2", one, now), bus.SignDomain("gw2", two, now), bus.SignDomain("gw1", one, now - 1, isRevoked: true), enrolment);
        Assert.Equal([0, 0, 1, 2], new[] { 0, 1, 3, 4 }.Select(i => answers[i].GetProperty("index").GetInt64()));
        // One VM cannot speak for another; and who kept the enrolment has nothing after the revocation.
        Assert.Equal(["bad_request", "superseded"], new[] { 2, 5 }.Select(i => Code(answers[i])));
        var entry = Assert.IsType<DomainKeyEntry>(bus.Ledger.ReadEntry(2));
        Assert.Equal(("gw1", true), (entry.Statement.Name, entry.Statement.IsRevoked));

        await bus.RestartAsync();
        Assert.Equal(["its key is revoked", null], bus.Loaded.State.Domains.Values.Select(domain => domain.WhyNot(null)));
        Assert.Equal("superseded", Code(bus.Ask(enrolment)[0]));
    }

    [Fact]
    public async Task Attack07_After_a_revocation_no_older_statement_of_another_key_takes_the_place_of_the_revoked_ones()
    {
        await using PipelineTrial bus = await PipelineTrial.StartAsync();
        using var other = SigningKey.Generate();
        long now = bus.Time.UnixSeconds;
        RootDraft first = RootDraft.Single("dom0", bus.Key.Public, other.Public) with { CreatedSeconds = now };
        RootDraft second = RootDraft.Single("dom0", bus.Key.Public) with { Version = 2, CreatedSeconds = now, Revoked = [(other.Public.Id, 2)] };
        byte[] older = bus.SignKey(now - 1);
        JsonElement[] answers = [bus.Ask(bus.Root(first, bus.Key))[0], bus.Ask(bus.SignKey(now, other))[0], bus.Ask(bus.Root(second, bus.Key))[0]];
        Assert.Equal([0, 1, 2], answers.Select(answer => answer.GetProperty("index").GetInt64()));
        answers = bus.Ask(older, bus.SignKey(now + 1, other), bus.SignKey(now + 1));
        Assert.Equal(["superseded", "unknown_key"], answers[..2].Select(Code));
        Assert.Equal(3, answers[2].GetProperty("index").GetInt64());
    }

    [Fact]
    public async Task A_statement_that_no_enrolled_key_signed_leaves_no_entry()
    {
        await using PipelineTrial bus = await PipelineTrial.StartAsync();
        using var stranger = SigningKey.Generate();
        byte[] good = bus.SignKey(bus.Time.UnixSeconds);
        byte[] tampered = System.Text.Encoding.UTF8.GetBytes(System.Text.Encoding.UTF8.GetString(good).Replace($"{bus.Time.UnixSeconds}", $"{bus.Time.UnixSeconds - 1}", StringComparison.Ordinal));
        Assert.Equal(["unknown_key", "bad_signature"], bus.Ask(bus.SignKey(bus.Time.UnixSeconds, stranger), tampered).Select(Code));
        Assert.Equal(0, bus.Ledger.Size);
    }

    [Fact]
    public async Task An_expired_trust_root_lets_an_armed_event_fire_and_its_successor_in_and_nothing_else()
    {
        await using PipelineTrial bus = await PipelineTrial.StartAsync();
        using var other = SigningKey.Generate();
        long now = bus.Time.UnixSeconds;
        RootDraft first = RootDraft.Single("dom0", bus.Key.Public, other.Public) with { CreatedSeconds = now, ExpiresSeconds = now + 60 };
        byte[] By(string args) => bus.Change(args, draft => draft with { System = PipelineTrial.SystemIdText });
        Assert.Equal(["ok", "ok"], bus.Ask(bus.Root(first, bus.Key), By("""{"GHOST.trigger":"armed"}""")).Select(answer => answer.GetProperty("status").GetString()));
        bus.Time.Advance(61);
        JsonElement[] answers = bus.Ask(
            By("""{"GHOST.trigger":"disarmed"}"""), By("""{"RADIO_ISOLATION":"off"}"""), bus.SignKey(bus.Time.UnixSeconds), By("""{"GHOST.trigger":"fire"}"""), By("""{"GHOST.trigger":"fire"}"""));
        Assert.Equal(["not_authorised", "not_authorised", "not_authorised"], answers[..3].Select(Code));
        Assert.Equal(2, answers[3].GetProperty("index").GetInt64());
        Assert.Equal("invalid_policy", Code(answers[4]));
        Assert.Equal(4, bus.Ask(bus.Root(first with { Version = 2, ExpiresSeconds = now + 600 }, bus.Key))[0].GetProperty("index").GetInt64());
        Assert.Equal(5, bus.Ask(By("""{"RADIO_ISOLATION":"off"}"""))[0].GetProperty("index").GetInt64());
    }

    [Fact]
    public async Task Pipelined_changes_of_one_connection_take_effect_in_the_order_sent()
    {
        await using PipelineTrial bus = await PipelineTrial.StartAsync();
        byte[][] changes = [.. Enumerable.Range(0, 64).Select(i => bus.Change($$"""{"RADIO_IDLE_TIMEOUT_MIN":{{i}}}"""))];
        JsonElement[] answers = bus.Ask(changes);
        Assert.Equal(Enumerable.Range(0, 64).Select(i => (long)i), answers.Select(answer => answer.GetProperty("index").GetInt64()));
        Assert.Equal(PolicyValue.Of(63), bus.Writer.Published.Policy.Policy["RADIO_IDLE_TIMEOUT_MIN"].Value);
    }

    [Fact]
    public async Task Attack09_a_resend_is_told_index_and_outcome_at_once_in_one_batch_and_after_a_restart()
    {
        await using PipelineTrial bus = await PipelineTrial.StartAsync();
        byte[] accepted = bus.Change("""{"RADIO_ISOLATION":"off"}""");
        byte[] refused = bus.Change("""{"RADIO_ISOLATION":"maybe"}""");
        JsonElement[] answers = bus.Ask(accepted, accepted, refused, refused);
        AssertReplayed(answers[1], 0, "accepted");
        Assert.Equal("invalid_policy", Code(answers[2]));
        AssertReplayed(answers[3], 1, "invalid_policy");

        await bus.RestartAsync();
        answers = bus.Ask(accepted, refused);
        AssertReplayed(answers[0], 0, "accepted");
        AssertReplayed(answers[1], 1, "invalid_policy");
        Assert.Equal(2, bus.Ledger.Size);
    }

    [Fact]
    public async Task Attack10_a_full_replay_store_refuses_new_messages_and_forgets_none()
    {
        await using PipelineTrial bus = await PipelineTrial.StartAsync(replayCapacity: 4);
        byte[] first = bus.Change("""{"RADIO_IDLE_TIMEOUT_MIN":1}""");
        JsonElement[] answers = bus.Ask(first, bus.Change("""{"RADIO_IDLE_TIMEOUT_MIN":2}"""), bus.Change("""{"RADIO_IDLE_TIMEOUT_MIN":3}"""), first);
        Assert.Equal("replay_store_full", Code(answers[2]));
        AssertReplayed(answers[3], 0, "accepted");
        Assert.Equal(2, bus.Ledger.Size);

        // Ten minutes later the old ones cannot be accepted any more, and service resumes by itself.
        bus.Time.SetClock(bus.Time.UnixSeconds + 600);
        Assert.Equal("ok", bus.Ask(bus.Change("""{"RADIO_IDLE_TIMEOUT_MIN":3}"""))[0].GetProperty("status").GetString());
        bus.Time.SetClock(bus.Time.UnixSeconds - 600);
        AssertReplayed(bus.Ask(first)[0], 0, "accepted");
    }

    [Fact]
    public async Task Attack12_a_clock_set_far_back_is_held_by_the_floor_and_said_in_every_answer()
    {
        await using PipelineTrial bus = await PipelineTrial.StartAsync();
        long then = bus.Time.UnixSeconds;
        byte[] early = bus.Change("""{"RADIO_ISOLATION":"off"}""");
        Assert.Equal("ok", bus.Ask(early)[0].GetProperty("status").GetString());
        bus.Time.SetClock(0);
        byte[] look = """{"msg":{"command":"get_checkpoint"}}"""u8.ToArray();
        JsonElement[] answers = bus.Ask(early, Status, bus.Change("""{"RADIO_ISOLATION":"on"}""", draft => draft with { Timestamp = then }), look, "]"u8.ToArray());
        AssertReplayed(answers[0], 0, "accepted");
        Assert.All(answers, answer => Assert.Equal(then, answer.GetProperty("clock_behind_floor").GetProperty("floor").GetInt64()));
        Assert.Equal(["error", "ok", "ok", "ok", "error"], answers.Select(answer => answer.GetProperty("status").GetString()));
        Assert.Equal(then - Limits.FreshnessWindowSeconds, bus.Ledger.ReadEntry(1)!.TimeSeconds);
    }

    [Fact]
    public async Task Attack16_of_two_changes_with_one_base_exactly_one_wins_and_the_other_is_told()
    {
        await using PipelineTrial bus = await PipelineTrial.StartAsync();
        var @base = new Dictionary<string, string> { ["gateway"] = PolicyState.Empty.BaseHash(PolicySchema.BuiltIn, "gateway") };
        JsonElement[] answers = bus.Ask(
            bus.Change("""{"RADIO_ISOLATION":"off"}""", draft => draft with { Base = @base }),
            bus.Change("""{"TOR_ISOLATION":"off"}""", draft => draft with { Base = @base }));
        Assert.Equal("ok", answers[0].GetProperty("status").GetString());
        Assert.Equal("base_mismatch", Code(answers[1]));
    }

    [Fact]
    public async Task Attack23_badly_signed_stale_and_malformed_requests_are_counted_and_never_written()
    {
        await using PipelineTrial bus = await PipelineTrial.StartAsync();
        using SigningKey stranger = SigningKey.Generate();
        JsonElement[] answers = bus.Ask(
            bus.Change("""{"RADIO_ISOLATION":"off"}""", key: stranger),
            bus.Change("""{"RADIO_ISOLATION":"off"}""", draft => draft with { Timestamp = draft.Timestamp - 301 }),
            """{"msg":7}"""u8.ToArray(),
            """{"a":1,"a":2}"""u8.ToArray());
        Assert.Equal(["bad_signature", "stale", "bad_request", "bad_json"], answers.Select(Code));
        Assert.Equal(0, bus.Ledger.Size);
        Assert.Equal(1, bus.Requests.Counts.Refused(ErrorCode.BadSignature));
        Assert.Equal(4, bus.Requests.Counts.AllRefused);
        // Under load the writer waits a little for what is expected: what is refused must not stay so.
        Assert.Equal(0, bus.Writer.Expected);
    }

    [Fact]
    public async Task A_uid_with_too_many_waiting_requests_is_busy_and_nothing_is_consumed()
    {
        await using PipelineTrial bus = await PipelineTrial.StartAsync(maxWaiting: 0);
        Assert.Equal("busy", Code(bus.Ask(bus.Change("""{"RADIO_ISOLATION":"off"}"""))[0]));
        Assert.Equal(0, bus.Ledger.Size);
        Assert.Equal(0, bus.Writer.Expected);
    }

    [Fact]
    public async Task Attack29_a_full_disk_refuses_everybody_consumes_nothing_and_service_resumes()
    {
        using SmallDisk disk = SmallDisk.MountOrSkip(512);
        await using PipelineTrial bus = await PipelineTrial.StartAsync(ledgerFile: Path.Combine(disk.Dir, "ledger.db"));
        var seen = new List<bool>();
        bus.Writer.StorageFull += seen.Add;
        string filler = disk.Fill();
        string reason = new('r', 1_000);
        byte[][] changes = [.. Enumerable.Range(0, 60).Select(i => bus.Change($$"""{"RADIO_IDLE_TIMEOUT_MIN":{{i}}}""", draft => draft with { Reason = reason }))];
        JsonElement[] answers = bus.Ask(changes);
        int accepted = answers.Count(answer => answer.GetProperty("status").GetString() == "ok");
        Assert.All(answers.Where(answer => answer.GetProperty("status").GetString() != "ok"), answer => Assert.Equal("storage_full", Code(answer)));
        Assert.Equal(accepted, bus.Ledger.Size);
        Assert.NotEqual(60, accepted);

        File.Delete(filler);
        byte[] dropped = changes[answers.Select(answer => answer.GetProperty("status").GetString()).ToList().IndexOf("error")];
        Assert.Equal(accepted, bus.Ask(dropped)[0].GetProperty("index").GetInt64());
        Assert.Equal([true, false], seen);
    }

    [Fact]
    public async Task A_ledger_locked_by_another_program_is_busy_consumes_nothing_and_service_resumes()
    {
        await using PipelineTrial bus = await PipelineTrial.StartAsync();
        byte[] change = bus.Change("""{"RADIO_ISOLATION":"off"}""");
        using (var other = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={bus.Ledger.Path};Pooling=False"))
        {
            other.Open();
            using var begin = other.CreateCommand();
            begin.CommandText = "BEGIN IMMEDIATE";
            begin.ExecuteNonQuery();
            Assert.Equal("busy", Code(bus.Ask(change)[0]));
        }
        Assert.False(bus.Writer.Broken.IsCompleted);
        Assert.Equal(0, bus.Ask(change)[0].GetProperty("index").GetInt64());
    }

    [Fact]
    public async Task A_restart_folds_to_the_same_state_from_the_snapshot_saved_at_the_stop()
    {
        await using PipelineTrial bus = await PipelineTrial.StartAsync();
        bus.Ask(bus.Change("""{"RADIO_ISOLATION":"off"}"""), bus.Change("""{"KERNEL_HARDENING":"strict"}"""));
        string root = bus.Writer.Published.RootHash;
        await bus.RestartAsync();
        Assert.Equal(2, bus.Loaded.FoldedFrom);
        Assert.Equal(root, bus.Writer.Published.RootHash);
        Assert.Equal(PolicyValue.Of("strict"), bus.Writer.Published.Policy.Staged["KERNEL_HARDENING"].Value);
    }

    [Fact]
    public async Task A_committed_batch_is_published_before_it_is_told_and_told_before_it_is_answered()
    {
        await using PipelineTrial bus = await PipelineTrial.StartAsync();
        long told = -1;
        bus.Writer.Committed += batch => Volatile.Write(ref told, batch.State == bus.Writer.Published ? batch.Changes[^1].Index : -2);
        bus.Ask(bus.Change("""{"RADIO_ISOLATION":"off"}"""));
        Assert.Equal(0, Volatile.Read(ref told));
    }

    [Fact]
    public async Task What_the_writer_has_begun_when_the_grace_of_a_stop_is_over_is_recorded_and_answered()
    {
        await using PipelineTrial bus = await PipelineTrial.StartAsync();
        using var recorded = new ManualResetEventSlim();
        using var released = new ManualResetEventSlim();
        bus.Writer.Committed += _ =>
        {
            recorded.Set();
            released.Wait();
        };
        using Socket client = bus.Connect();
        client.SendAll(bus.Change("""{"RADIO_ISOLATION":"off"}"""));
        recorded.Wait();
        await bus.Listener.StopAsync(TimeSpan.Zero);
        released.Set();
        bus.Writer.Stop();
        await bus.Listener.CutOffAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(0, PipelineTrial.Parse(client.ReadLine()!).GetProperty("index").GetInt64());
        Assert.Null(client.ReadLine());
    }

    [Fact]
    public async Task Under_load_what_is_verified_meanwhile_comes_into_one_batch_and_none_is_left_behind()
    {
        await using PipelineTrial bus = await PipelineTrial.StartAsync();
        var sizes = new List<long>();
        bus.Writer.Committed += batch => sizes.Add(batch.State.Size);
        using SigningKey stranger = SigningKey.Generate();
        byte[][] requests = [.. Enumerable.Range(0, 300).Select(i => bus.Change("""{"RADIO_ISOLATION":"off"}""", key: i % 3 == 2 ? stranger : null))];
        JsonElement[] answers = bus.Ask(requests);
        Assert.Equal(100, answers.Count(answer => answer.TryGetProperty("code", out _)));
        Assert.Equal(200, bus.Ledger.Size);
        Assert.Equal(200, sizes[^1]);
        Assert.InRange(sizes.Count, 1, 150);
        Assert.Equal(0, bus.Writer.Expected);
    }

    [Fact]
    public async Task Many_connections_at_once_give_one_gapless_history()
    {
        await using PipelineTrial bus = await PipelineTrial.StartAsync();
        byte[][][] work = [.. Enumerable.Range(0, 8).Select(_ => Enumerable.Range(0, 50).Select(i => bus.Change($$"""{"RADIO_IDLE_TIMEOUT_MIN":{{i}}}""")).ToArray())];
        var indexes = new System.Collections.Concurrent.ConcurrentBag<long>();
        Parallel.ForEach(work, changes =>
        {
            foreach (JsonElement answer in bus.Ask(changes))
                indexes.Add(answer.GetProperty("index").GetInt64());
        });
        Assert.Equal(Enumerable.Range(0, 400).Select(i => (long)i), indexes.Order());
        Assert.Equal(bus.Writer.Published.RootHash, Convert.ToHexStringLower(MerkleTree.Of(bus.Ledger.ReadLeafHashes(0, 400)).Root()));
    }

    private static string Code(JsonElement answer) => answer.GetProperty("code").GetString()!;

    private static void AssertReplayed(JsonElement answer, long index, string outcome)
    {
        Assert.Equal("replayed", Code(answer));
        Assert.Equal(index, answer.GetProperty("index").GetInt64());
        Assert.Equal(outcome, answer.GetProperty("outcome").GetString());
    }
}
