using Qwamos.Client.Talking;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Trust;
using Qwamos.ControlBus.Verification;
using BusCommands = Qwamos.ControlBus.Envelopes.Commands;

namespace Qwamos.Client.Trusting;

/// <summary>
/// Asks the daemon for the trust root in force and believes none of it: each version must follow the one before, from the enrolled key, or from the one
/// verified last, on. A daemon that showed another could have an operator sign a next version with a stranger's key in it.
/// </summary>
internal static class TrustSource
{
    /// <summary>What is in force; false when no daemon answers, or its answer does not follow.</summary>
    public static bool TryGet(Session session, out TrustInForce trust, out Failure failure)
    {
        trust = null!;
        if (!StatusQuestion.TryAsk(session, out var status, out failure))
            return false;
        if (!status.IsOk)
            return No(Refused(status), out failure);
        if (!status.HasObject("policy"))
            return No(Bus.Incomplete(session, "policy"), out failure);
        return new CarriedCheckpoint(session, status).TryAccept(out failure) && TryGet(session, status, out trust, out failure);
    }

    /// <summary>The same from a status that was asked for already.</summary>
    public static bool TryGet(Session session, AnswerReader status, out TrustInForce trust, out Failure failure)
    {
        trust = null!;
        if (!TryBegin(session, status.TextOf("system"), out var begin, out failure))
            return false;
        var version = status.ObjectOf("trust") is { } said && said.TryGet("version", out var number) && number.TryGetInteger(out var named) ? named : 0;
        if (version < begin.Root.Version)
        {
            return No(
                new Failure(
                    ExitCode.Refused, $"the daemon says that version {version} of the trust root is in force, and version {begin.Root.Version} was seen before: an older ledger is in its place",
                    $"Find out who put it there. Where that was you, forget the one seen: rm {SafePath.Quote(KeptTrust.FileOf(session, begin.SystemId!))}"),
                out failure);
        }
        trust = begin with { Status = status };
        while (trust.Root.Version < version)
        {
            if (!TryStep(session, ref trust, out failure))
                return false;
        }
        if (trust.Signed is not null && (!status.ObjectOf("trust")!.TryGet("sha256", out var hash) || !hash.TryGetString(out var digits) || digits != trust.Root.Hash))
            return No(new Failure(ExitCode.Refused, $"the daemon says that another trust root of version {version} is in force than the one that was verified: {trust.Root.Hash}", "Do not sign anything before you know who signed the other one"), out failure);
        if (trust.Root.Version > begin.Root.Version)
            KeptTrust.Keep(session, trust);
        return true;
    }

    /// <summary>What is in force, or, where no daemon answers, the one verified last.</summary>
    public static bool TryGetOrRecall(Session session, out TrustInForce trust, out Failure failure)
    {
        if (TryGet(session, out trust, out failure))
            return true;
        if (failure.Exit != ExitCode.NotReachable || !TryBegin(session, null, out trust, out _) || trust.Signed is null)
            return false;
        session.Terminal.Note($"The daemon does not answer: this is by version {trust.Root.Version} of the trust root, the newest seen here.");
        return true;
    }

    /// <summary>All versions, the first one first, verified anew from the enrolled key on.</summary>
    public static bool TryGetAll(Session session, TrustInForce trust, out List<SignedRoot> all, out Failure failure)
    {
        all = [];
        if (!Anchor.TryLoad(session.Paths, KeyHome.DefaultDirectory, out var anchor, out var fault))
            return No(new Failure(ExitCode.Refused, $"who may sign here cannot be verified: {fault.Text}"), out failure);
        failure = null!;
        var at = trust with { Root = TrustRoot.Implicit([anchor]), Signed = null };
        while (at.Root.Version < trust.Root.Version)
        {
            if (!TryStep(session, ref at, out failure))
                return false;
            all.Add(at.Signed!);
        }
        return at.Root.Hash == trust.Root.Hash || at.Signed is null || No(new Failure(ExitCode.Refused, "the daemon shows other versions of the trust root than before"), out failure);
    }

    /// <summary>
    /// What is in force, for who signs a file that others drew up, perhaps on a machine of their own: null, and said so, where nothing here can tell. What
    /// the daemon shows and does not follow is refused.
    /// </summary>
    public static bool TryGetIfKnown(Session session, out TrustInForce? trust, out Failure failure)
    {
        trust = null;
        if (!Posix.IsAbsent(session.Paths.AnchorFile))
        {
            if (TryGetOrRecall(session, out var found, out failure))
            {
                trust = found;
                return true;
            }
            if (failure.Exit != ExitCode.NotReachable)
                return false;
        }
        failure = null!;
        session.Terminal.Note("NOT COMPARED: what is in force is not known here, so neither what this changes nor who signed it could be checked. Compare the SHA-256 with the others before you sign.");
        return true;
    }

    /// <summary>What the enrolled key stands for; null where none can be read.</summary>
    public static TrustRoot? Enrolled(Session session) => Anchor.TryLoad(session.Paths, KeyHome.DefaultDirectory, out var anchor, out _) ? TrustRoot.Implicit([anchor]) : null;

    /// <summary>One version with its signatures, whose form was read and nothing else.</summary>
    public static bool TryAsk(Session session, long version, out SignedRoot signed, out AnswerReader answer, out Failure failure)
    {
        signed = null!;
        MessageDraft draft = new() { Command = BusCommands.GetTrustRoot, Args = JsonValue.Object([("version", JsonValue.Of(version))]) };
        if (!EnvelopeWriter.TryWriteUnsigned(draft, out var envelope, out var refusal))
            throw new InvalidOperationException(refusal.Reason);
        if (!Bus.TryAsk(session, envelope, out answer, out failure))
            return false;
        if (!answer.IsOk)
            return No(Refused(answer), out failure);
        if (!answer.Document.TryGet("root", out var root) || !answer.Document.TryGet("signatures", out var signatures))
            return No(Bus.Incomplete(session, "root"), out failure);
        return SignedRoot.TryRead(JsonValue.Object([("root", root), ("signatures", signatures)]), out signed!, out var fault)
            || No(new Failure(ExitCode.Refused, $"version {version} of the trust root, as the daemon shows it, is not one: {fault}"), out failure);
    }

    /// <summary>The version verified last, or what the enrolled key stands for.</summary>
    private static bool TryBegin(Session session, string? systemOfDaemon, out TrustInForce begin, out Failure failure)
    {
        begin = null!;
        if (!SystemName.TryRead(session.Paths, out var own, out failure))
            return false;
        var system = own ?? systemOfDaemon;
        if (own is not null && systemOfDaemon is not null && own != systemOfDaemon)
            return No(new Failure(ExitCode.Refused, $"the daemon is of the system {systemOfDaemon}, and this one is {own}", "Another system's daemon answers: look at --socket"), out failure);
        if (!Anchor.TryLoad(session.Paths, KeyHome.DefaultDirectory, out var anchor, out var fault))
            return No(new Failure(ExitCode.Refused, $"who may sign here cannot be verified: {fault.Text}"), out failure);
        if (!KeptTrust.TryRead(session, system, anchor, out var kept, out failure))
            return false;
        begin = new TrustInForce(kept?.Root ?? TrustRoot.Implicit([anchor]), kept, system, null);
        return true;
    }

    /// <summary>
    /// The next version. What the daemon says of when it recorded it is not believed: it counts as recorded when it was drawn up, which says nothing about
    /// its expiry, and that is for now to judge.
    /// </summary>
    private static bool TryStep(Session session, ref TrustInForce trust, out Failure failure)
    {
        var version = trust.Root.Version + 1;
        if (!TryAsk(session, version, out var next, out _, out failure))
            return false;
        if (RootChain.Refusal(trust.Root, next, trust.SystemId, next.Root.CreatedSeconds) is { } refusal)
        {
            return No(
                new Failure(
                    ExitCode.Refused,
                    $"version {version} of the trust root, as the daemon shows it, does not follow {(trust.Signed is null ? $"from the enrolled key {trust.Root.Keys[0].Id}" : $"version {trust.Root.Version}")}: {refusal.Reason}",
                    "Do not sign anything for it. When another key was enrolled here, the daemon knows that from its next start on"),
                out failure);
        }
        trust = trust with { Root = next.Root, Signed = next };
        return true;
    }

    private static Failure Refused(AnswerReader answer) => new(
        ExitCode.Refused,
        $"refused{(answer.Code is { } code ? $" ({code})" : "")}: {answer.Reason ?? "no reason given"}",
        answer.Code is "unknown_command" or null ? "This daemon knows no trust roots: it is an older one" : null,
        RefusalCode: answer.Code);

    private static bool No(Failure why, out Failure failure)
    {
        failure = why;
        return false;
    }
}
