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
        if (!TrustSource.TryGetOrRecall(session, out var trust, out var failure) || !TryComplete(session, change, draft, terms, trust, out var proposal, out var isForSeveral, out failure))
            return session.Fail(failure);
        try
        {
            // Whoever can read a confidential value before it is set would know it.
            if (!DurableFile.CreateNew(Path.GetFullPath(file), [.. proposal.ToBytes(), (byte)'\n'], PolicyBase.IsSecret(change) ? Owner : Everybody))
                return session.Fail(new Failure(ExitCode.Refused, $"{file} exists, and nothing is written over it"));
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            return session.Fail(new Failure(ExitCode.Refused, $"{file} cannot be written: {fault.Message.TrimEnd('.')}"));
        }
        session.Terminal.Print(session.Json
            ? JsonPrinter.Print(JsonValue.Object([("status", JsonValue.Of("ok")), ("sent", JsonValue.False), ("file", JsonValue.Of(file)), ("msg", proposal.Message.Document), ("missing", ProposalText.Missing(trust.Root, proposal))])) + "\n"
            : ProposalText.Describe(session, trust, proposal) + session.Placed(Written(file, isForSeveral)));
        return (int)ExitCode.Done;
    }

    private static bool TryComplete(
        Session session, IReadOnlyList<Setting> change, MessageDraft draft, ChangeTerms terms, TrustInForce trust, out Proposal proposal, out bool isForSeveral, out Failure failure)
    {
        failure = null!;
        draft = draft with { System = draft.System ?? trust.SystemId, Base = draft.Base ?? BaseOf(session, trust, change) };
        isForSeveral = false;
        if (!Proposal.TryDraft(draft, out proposal!, out var refusal))
            return No(Failure.Usage(refusal.Reason), out failure);
        isForSeveral = Authority.NeedsSeveral(trust.Root, proposal.Message);
        if (!isForSeveral && terms.LifetimeSeconds > Limits.FreshnessWindowSeconds)
        {
            return No(
                Failure.Usage(
                    $"this change does not need several signers, so it may wait {Limits.FreshnessWindowSeconds} seconds and no longer",
                    "Set it without --out: one signature is enough. See who may sign what: qwamosctl trust show"),
                out failure);
        }
        if (!isForSeveral)
            session.Terminal.Note($"One signature is enough for this, so it must be sent within {Limits.FreshnessWindowSeconds} s.");
        var lifetime = terms.LifetimeSeconds ?? (isForSeveral ? Limits.MaxProposalSeconds : Limits.FreshnessWindowSeconds);
        return Proposal.TryDraft(draft with { Expires = draft.Timestamp + lifetime }, out proposal!, out refusal) || No(Failure.Usage(refusal.Reason), out failure);
    }

    /// <summary>
    /// The hashes of the classes that are set. That of a class with confidential values the daemon gives to who signs the question, and only a change that is confidential
    /// itself may hold it: few values are possible, and the entries of all other changes are public.
    /// </summary>
    private static Dictionary<string, string>? BaseOf(Session session, TrustInForce trust, IReadOnlyList<Setting> change)
    {
        var known = trust.Status;
        if (known is not null && PolicyBase.IsSecret(change))
        {
            if (StatusQuestion.TryAskSigned(session, reveal: false, out var answer, out var failure) && answer.IsOk)
                known = answer;
            else
                session.Terminal.Note(SafeText.ForTerminal($"It builds on nothing, for the daemon shows what is set only to a holder: {failure?.Reason ?? answer.Reason}"));
        }
        return PolicyBase.Pick(known, change);
    }

    private static string Written(string file, bool isForSeveral)
    {
        var shown = SafePath.Quote(file);
        var others = isForSeveral ? $"each of the others: {Session.Theirs}sign {shown}\n" : "";
        return $"\nwritten to {SafeText.ForTerminal(file)}, and not sent\nsign it: qwamosctl sign {shown}\n{others}then anybody: {Session.Theirs}send {shown}\n";
    }

    private static bool No(Failure why, out Failure failure)
    {
        failure = why;
        return false;
    }
}
