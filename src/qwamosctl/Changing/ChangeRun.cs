using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Policy;
using BusCommands = Qwamos.ControlBus.Envelopes.Commands;

namespace Qwamos.Client.Changing;

/// <summary>Signs and sends changes, one message each, and shows what became of them.</summary>
internal static class ChangeRun
{
    /// <summary>So often a change is signed anew where others change the same class at the same time.</summary>
    private const int MaxAttempts = 10;

    /// <summary>More with each attempt, so that two do not meet again and again.</summary>
    private const int MaxPauseMilliseconds = 20;

    public static int Run(Session session, IReadOnlyList<IReadOnlyList<Setting>> changes, ChangeTerms terms)
    {
        if (!SystemName.TryRead(session.Paths, out var system, out var failure))
            return session.Fail(failure);
        if (changes.Count > 1)
            session.Terminal.Note($"Confidential keys do not travel with others: {changes.Count} messages, each applied wholly or not at all.");
        if (terms.DryRun)
            return DryRun.Show(session, [.. changes.Select(change => (change, Draft(session, change, DryRun.WithBase(session, change, terms), system)))]);
        if (terms.File is not null)
        {
            return changes.Count > 1
                ? session.Fail(ChangeSplit.NotInOneFile())
                : ProposalWriting.Run(session, changes[0], Draft(session, changes[0], terms with { LifetimeSeconds = null }, system), terms);
        }
        if (!OperatorKey.TryOpenOrCreate(session, advise: true, out var key, out failure))
            return session.Fail(failure);
        using (key)
        {
            for (var i = 0; i < changes.Count; i++)
            {
                var exit = SendOne(session, key, changes[i], terms, system, out var isTaken);
                if (exit == (int)ExitCode.Done)
                    continue;
                if (changes.Count > 1)
                    session.Terminal.Note($"Stopped at message {i + 1} of {changes.Count}: {(isTaken ? i + 1 : i)} taken, {changes.Count - i - 1} not sent.");
                return exit;
            }
        }
        return (int)ExitCode.Done;
    }

    /// <summary>Where somebody else was quicker, what is set now is asked again: only who named a base means that one and no other.</summary>
    private static int SendOne(Session session, OperatorKey key, IReadOnlyList<Setting> change, ChangeTerms terms, string? system, out bool isTaken)
    {
        isTaken = false;
        for (var attempt = 1; ; attempt++)
        {
            var bases = terms.Base;
            if (bases is null && PolicyBase.IsFor(change) && !PolicyBase.TryAsk(session, key, system, change, out bases, out var failure))
                return session.Fail(failure);
            if (!SignedMessage.TryWrite(session, key, Draft(session, change, terms with { Base = bases }, system), out var envelope, out var refusal))
                return session.Fail(Failure.Usage(refusal.Reason));
            if (!Bus.TryAsk(session, envelope, out var answer, out failure))
                return session.Fail(failure);
            if (terms.Base is not null || bases is null || answer.Code != ErrorCodes.Name(ErrorCode.BaseMismatch) || attempt == MaxAttempts)
                return Tell(session, answer, key, change, null, out isTaken, terms.WaitSeconds);
            if (attempt == 1)
                session.Terminal.Note("Somebody else changed what is set just then: it is signed anew, on what is set now.");
            Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(1, attempt * MaxPauseMilliseconds)), session.Terminal.Clock).Wait();
        }
    }

    /// <summary>Sends a signed change, and shows what became of it.</summary>
    /// <param name="session">Where the daemon is.</param>
    /// <param name="envelope">The change.</param>
    /// <param name="change">What it sets.</param>
    /// <param name="file">The file that holds it; null where there is none.</param>
    public static int Send(Session session, Envelope envelope, IReadOnlyList<Setting> change, string? file) =>
        Bus.TryAsk(session, envelope, out var answer, out var failure) ? Tell(session, answer, null, change, file, out _) : session.Fail(failure);

    private static int Tell(Session session, AnswerReader answer, OperatorKey? key, IReadOnlyList<Setting> change, string? file, out bool isTaken, long? waitSeconds = null)
    {
        isTaken = false;
        // A gateway says in a message what it did.
        if (answer.IsOk && !answer.HasObject("result") && answer.TextOf("message") is null)
            return session.Fail(Bus.Incomplete(session, "result"));
        isTaken = answer.IsOk;
        CarriedCheckpoint carried = new(session, answer);
        var waits = answer.IsOk && waitSeconds is not null && answer.Index is not null;
        if (session.Json && !waits)
            session.Terminal.Print(JsonPrinter.Print(carried.Shown) + "\n");
        else if (answer.IsOk && !session.Json)
            session.Terminal.Print(ChangeReport.Describe(answer, change, Served(session), session.Terminal.OutputPaint));
        if (!answer.IsOk)
        {
            RefusalReport.Show(session, answer, key, change, file);
            return (int)ExitCode.Refused;
        }
        // What became of the change was said first: it stands whatever the ledger turns out to be.
        return carried.TryAccept(out var failure)
            ? waits ? Wait(session, answer, change, waitSeconds!.Value, carried.Shown) : (int)ExitCode.Done
            : session.Fail(failure with { Reason = $"the daemon took the change{(answer.Index is { } index ? $", as entry {index}" : "")}, but {failure.Reason}" });
    }

    /// <summary>The classes that the domains of this system's configuration are of; none where it cannot be read.</summary>
    private static IReadOnlyCollection<string> Served(Session session) =>
        session.TryLoadSchema(out var schema, out _) && DaemonConfig.TryLoad(session.Paths, schema, out var config, out _) ? [.. config.Gateways.Select(domain => domain.Class)] : [];

    private static int Wait(Session session, AnswerReader outcome, IReadOnlyList<Setting> change, long seconds, JsonValue shown)
    {
        if (!InForceWait.TryWait(session, outcome.Index!.Value, seconds, out var inForce, out var failure))
            return session.Fail(failure);
        if (session.Json)
            session.Terminal.Print(JsonPrinter.Print(JsonValue.Object([.. shown.Members.Select(member => (member.Key, member.Value)), ("in_force", InForceWait.ToJson(inForce))])) + "\n");
        return InForceWait.Show(session, inForce, outcome, change, seconds);
    }

    private static MessageDraft Draft(Session session, IReadOnlyList<Setting> change, ChangeTerms terms, string? system)
    {
        var now = session.Now;
        return new MessageDraft
        {
            Command = BusCommands.SetPolicy,
            Args = JsonValue.Object(change.Select(setting => (setting.Key.Name, setting.Value.ToJson()))),
            Nonce = Nonce.Random(),
            Timestamp = now,
            Expires = terms.LifetimeSeconds is { } lifetime ? now + lifetime : null,
            Audience = terms.Audience,
            System = system,
            Base = terms.Base,
            Reason = terms.Reason,
            Mode = terms.Staged ? "staged" : null,
        };
    }
}
