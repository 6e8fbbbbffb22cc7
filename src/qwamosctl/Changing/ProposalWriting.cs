using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.Client.Trusting;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Verification;

namespace Qwamos.Client.Changing;

/// <summary>
/// <c>--out FILE</c>: a change for several to sign. It names the system and the values that it builds on, so that it does what they saw and nothing else, and
/// how long it may wait for them.
/// </summary>
internal static class ProposalWriting
{
    private const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode Everybody = Owner | UnixFileMode.GroupRead | UnixFileMode.OtherRead;

    public static int Run(Session session, IReadOnlyList<Setting> change, MessageDraft draft, ChangeTerms terms)
    {
        var file = terms.File!;
        if (RootEnding.PlaceFault(file) is { } place)
            return session.Fail(place);
        if (!TrustSource.TryGetOrRecall(session, out var trust, out var failure) || !TryComplete(session, change, draft, terms, trust, out var proposal, out failure))
            return session.Fail(failure);
        try
        {
            // Whoever can read a confidential value before it is set would know it.
            if (!DurableFile.CreateNew(Path.GetFullPath(file), [.. proposal.ToBytes(), (byte)'\n'], change.Any(setting => setting.Key.IsConfidential) ? Owner : Everybody))
                return session.Fail(new Failure(ExitCode.Refused, $"{file} exists, and nothing is written over it"));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return session.Fail(new Failure(ExitCode.Refused, $"{file} cannot be written: {fault.Message.TrimEnd('.')}"));
        }
        session.Terminal.Print(session.Json
            ? JsonPrinter.Print(JsonValue.Object([("status", JsonValue.Of("ok")), ("sent", JsonValue.False), ("file", JsonValue.Of(file)), ("msg", proposal.Message.Document), ("missing", ProposalText.Missing(trust.Root, proposal))])) + "\n"
            : ProposalText.Describe(session, trust, proposal) + session.Placed($"\nwritten to {SafeText.ForTerminal(file)}, and not sent\neach signer: qwamosctl sign {SafePath.Quote(file)}\nthen anybody: qwamosctl send {SafePath.Quote(file)}\n"));
        return (int)ExitCode.Done;
    }

    private static bool TryComplete(Session session, IReadOnlyList<Setting> change, MessageDraft draft, ChangeTerms terms, TrustInForce trust, out Proposal proposal, out Failure failure)
    {
        failure = null!;
        draft = draft with { System = draft.System ?? trust.SystemId, Base = draft.Base ?? BaseOf(trust, change) };
        if (!Proposal.TryDraft(draft, out proposal!, out var refusal))
            return No(Failure.Usage(refusal.Reason), out failure);
        var mayWait = Authority.NeedsSeveral(trust.Root, proposal.Message);
        if (!mayWait && terms.LifetimeSeconds > Limits.FreshnessWindowSeconds)
        {
            return No(
                Failure.Usage(
                    $"this change does not need several signers, so it may wait {Limits.FreshnessWindowSeconds} seconds and no longer",
                    "Set it without --out: one signature is enough. See who may sign what: qwamosctl trust show"),
                out failure);
        }
        if (!mayWait)
            session.Terminal.Note($"One signature is enough for this, so it must be sent within {Limits.FreshnessWindowSeconds} s.");
        var lifetime = terms.LifetimeSeconds ?? (mayWait ? Limits.MaxProposalSeconds : Limits.FreshnessWindowSeconds);
        return Proposal.TryDraft(draft with { Expires = draft.Timestamp + lifetime }, out proposal!, out refusal) || No(Failure.Usage(refusal.Reason), out failure);
    }

    /// <summary>The hashes of the classes that are set; of one with confidential values the daemon gives none to who has not signed.</summary>
    private static Dictionary<string, string>? BaseOf(TrustInForce trust, IReadOnlyList<Setting> change)
    {
        var known = trust.Status?.ObjectOf("base");
        Dictionary<string, string> bases = new(StringComparer.Ordinal);
        foreach (var name in change.Select(setting => setting.Key.Class).Distinct(StringComparer.Ordinal))
        {
            if (known is not null && known.TryGet(name, out var hash) && hash.TryGetString(out var digits))
                bases[name] = digits;
        }
        return bases.Count == 0 ? null : bases;
    }

    private static bool No(Failure why, out Failure failure)
    {
        failure = why;
        return false;
    }
}
