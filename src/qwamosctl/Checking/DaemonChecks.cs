using Qwamos.Client.Auditing;
using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.Client.Trusting;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Client.Checking;

/// <summary>How the daemon is, by its own answer to <c>get_status</c>: what a probe asks, and a part of what <c>doctor</c> does.</summary>
internal static class DaemonChecks
{
    private const string Answers = "daemon";

    /// <summary>Asks; with the failure when there is no answer that can be judged.</summary>
    public static List<Finding> Run(Session session, out AnswerReader? answer, out Failure? failure)
    {
        answer = null;
        if (!StatusQuestion.TryAsk(session, out var status, out failure))
            return [Finding.Bad(Answers, failure.Reason, failure.Mend)];
        if (!status.IsOk || !status.HasObject("policy"))
        {
            failure = status.IsOk ? Bus.Incomplete(session, "policy") : new Failure(ExitCode.Refused, $"the daemon refuses to show its status: {status.TextOf("reason")}");
            return [Finding.Bad(Answers, failure.Reason, failure.Mend)];
        }
        answer = status;
        return [Finding.Good(Answers, $"answers on {session.SocketPath}; entries in the ledger: {status.NumberOf("size") ?? 0}"), .. Judge(session, status)];
    }

    private static IEnumerable<Finding> Judge(Session session, AnswerReader status)
    {
        yield return Storage(session, status);
        foreach (var finding in BelievedKey(session, status))
            yield return finding;
        if (Trust(session, status) is { } trust)
            yield return trust;
        foreach (var (key, why) in DisownedValues.Of(status))
            yield return Finding.Bad("policy", $"{key} was {why}, and nobody has set it since", DisownedValues.Mend(key));
        foreach (var (name, why) in status.ObjectOf("pending_refused") is { } refused ? refused.Members : [])
            yield return Finding.Bad("staged", $"the boot will refuse {KeyText.Of(JsonValue.Of(name))}: {KeyText.Of(why)}", $"set it again: qwamosctl set {KeyText.Of(JsonValue.Of(name))} VALUE");
        yield return Projections(status);
        yield return Clock(session, status);
        yield return Checkpoint(session, status);
        foreach (var finding in Boot(status).Concat(Gateways(session, status)).Concat(EnforcementChecks.Run(session, status)))
            yield return finding;
    }

    private static Finding Storage(Session session, AnswerReader status) => status.TextOf("storage") switch
    {
        "full" => Finding.Bad("storage", "the disk of the ledger is full: changes are refused until there is room", $"free space on the file system of {session.Paths.StateDir}; service resumes by itself"),
        null => Finding.NotSeen("storage", "an older daemon, which does not say whether its disk is full"),
        _ => Finding.Good("storage", "the ledger's disk has room"),
    };

    /// <summary>A daemon reads the enrolled key at its start, and believes that one until the next.</summary>
    private static IEnumerable<Finding> BelievedKey(Session session, AnswerReader status)
    {
        if (WithoutLibsodium.IsInForce || status.TextOf("key_id") is not { } believed || !Anchor.TryLoad(session.Paths, KeyHome.DefaultDirectory, out var enrolled, out _))
            yield break;
        yield return believed == enrolled.Id.ToString()
            ? Finding.Good("daemon's key", "is the enrolled one")
            : Finding.Bad(
                "daemon's key",
                $"is {SafeText.ForTerminal(believed)}, and {enrolled.Id} is enrolled: the daemon runs since before, and believes the other one still",
                session.RestartDaemon);
    }

    /// <summary>Who may sign, verified from the enrolled key on; null where there is no trust root, and the enrolled key alone signs.</summary>
    private static Finding? Trust(Session session, AnswerReader status)
    {
        if (WithoutLibsodium.IsInForce || status.ObjectOf("trust") is null || Posix.IsAbsent(session.Paths.AnchorFile))
            return null;
        if (!TrustSource.TryGet(session, status, out var trust, out var failure))
            return Finding.Bad("trust root", failure.Reason, failure.Mend);
        var what = $"version {trust.Root.Version} follows from the enrolled key; until {RootText.Until(trust.Root, session.Now)}";
        return RootExpiry.Warning(trust.Root.ExpiresSeconds, session.Now) is not { } warning ? Finding.Good("trust root", what)
            : trust.Root.ExpiresSeconds < session.Now ? Finding.Bad("trust root", warning, "qwamosctl trust renew")
            : Finding.Doubtful("trust root", warning, "qwamosctl trust renew");
    }

    private static Finding Projections(AnswerReader status) => status.TextOf("projections") switch
    {
        "ok" => Finding.Good("projections", "status.json and pending.conf are up to date"),
        var fault => Finding.Bad("projections", $"status.json and pending.conf are not up to date: {fault ?? "the daemon does not say why"}"),
    };

    private static Finding Clock(Session session, AnswerReader status) => status.ObjectOf("clock_behind_floor") is { } behind
        ? Finding.Bad(
            "clock",
            $"the daemon's clock is behind the newest change it took: {KeyText.Of(behind)}",
            $"set the clock; when a clock in the future made that change: {session.StopDaemon}; then: {session.AsRoot}{ProposedCommand.Of(session.Paths, "qwamosd", "set-time-floor T")}")
        : Finding.Good("clock", "not behind the newest change");

    private static Finding Checkpoint(Session session, AnswerReader status)
    {
        if (WithoutLibsodium.IsInForce)
            return Finding.Doubtful("checkpoint", $"is not verified: {NoVerificationException.Why}");
        if (!SignedCheckpoint.TryRead(status, out var signed, out var fault))
            return Finding.Bad("checkpoint", $"the answer's checkpoint is not to be believed: {fault}");
        var age = session.Now - signed.TimeSeconds;
        if (new SeenCheckpoints(session).FaultOf(new LedgerReader(session), signed) is { } refused)
            return Finding.Bad("checkpoint", refused.Reason, refused.Mend);
        return signed.Checkpoint.IsStale(session.Now)
            ? Finding.Bad("checkpoint", $"the newest was signed {age} s ago: the ledger is frozen, or a clock is wrong", $"compare the two clocks; what the daemon says: {session.DaemonLog}")
            : Finding.Good("checkpoint", $"the newest was signed {Math.Max(0, age)} s ago; entries in it: {signed.Checkpoint.Size}");
    }

    private static IEnumerable<Finding> Boot(AnswerReader status)
    {
        if (status.ObjectOf("boot") is not { } boot || !boot.TryGet("results", out var results) || results.Kind != JsonKind.Object)
            yield break;
        var failed = results.Members.Where(result => KeyText.Of(result.Value).StartsWith("failed", StringComparison.Ordinal)).ToList();
        foreach (var (name, result) in failed)
            yield return Finding.Bad("boot", $"the last boot could not apply {name}: {KeyText.Of(result)}", "journalctl -b -u qwamos-policy-apply; the next boot tries again");
        if (boot.TryGet("put_back", out var back) && back.Kind == JsonKind.Object)
        {
            foreach (var (_, sentence) in back.Members)
                yield return Finding.Doubtful("boot", KeyText.Of(sentence), "qwamosctl boot status; once what hindered the boots is mended, set it again");
        }
        if (failed.Count == 0)
            yield return Finding.Good("boot", $"the last boot that had to applied {results.Members.Length} {(results.Members.Length == 1 ? "key" : "keys")}");
    }

    private static IEnumerable<Finding> Gateways(Session session, AnswerReader status)
    {
        if (status.ObjectOf("gateways") is not { } gateways)
            yield break;
        var domains = DomainState.Of(status).ToDictionary(domain => domain.Name, StringComparer.Ordinal);
        foreach (var (name, gateway) in gateways.Members)
            yield return Gateway(session, $"gateway {name}", gateway, domains.GetValueOrDefault(name));
    }

    private static Finding Gateway(Session session, string area, JsonValue gateway, DomainState? domain)
    {
        var witness = gateway.TryGet("witness", out var found) && found.Kind == JsonKind.Object ? found : JsonValue.Null;
        if (TextOf(witness, "state") is "alarm" or "refuses")
            return Finding.Bad(area, $"as a witness it refuses this ledger: {TextOf(witness, "fault") ?? "it does not say why"}", "docs/operations: a gateway that refuses the ledger");
        if (domain is null || !gateway.TryGet("behind", out var behind) || behind.Kind != JsonKind.Boolean)
            return Finding.NotSeen(area, "the daemon does not say how far it is");
        if (domain.Error is { } error)
            return Finding.Doubtful(area, $"{(behind.AsBoolean ? "is behind" : "has taken all that concerns it, as far as it was reached")}: {error}", domain.MendOfError(session.Paths));
        return !behind.AsBoolean ? domain.IsCourierWell ? Finding.Good(area, "has taken all that concerns it") : Finding.NotSeen(area, gateway.TryGet("taken", out var taken) && taken.Kind == JsonKind.Number ? "had taken all that concerned it while the courier ran" : "has taken nothing so far")
            : domain.Lacking is { } lacking ? Finding.Doubtful(area, $"is behind: its own report lacks {lacking}", "docs/troubleshooting: a domain lacks what it took")
            : Finding.Doubtful(area, "is behind: it has not taken the newest change yet", domain.IsCourierWell ? $"look again in a moment; then {DomainState.MendInside(session.Paths)}" : null);
    }

    private static string? TextOf(JsonValue value, string member) =>
        value.Kind == JsonKind.Object && value.TryGet(member, out var found) && found.Kind == JsonKind.String ? KeyText.Of(found) : null;
}
