using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using BusCommands = Qwamos.ControlBus.Envelopes.Commands;

namespace Qwamos.Client.Auditing;

/// <summary>
/// <c>audit key --sign</c>. A key that fits what was seen before is signed at once; another one only when the operator, who alone can know why it
/// changed, has been shown both and says so.
/// </summary>
/// <param name="session">Where the daemon and the key home are.</param>
/// <param name="given">The key that is to be signed, as the operator knows it; null when it was not said.</param>
internal sealed class LedgerKeySigning(Session session, NoteVerifierKey? given)
{
    private readonly LedgerReader _reader = new(session, given);

    public int Run()
    {
        if (!TryChoose(out var offered, out var seen, out var failure))
            return session.Fail(failure);
        if (offered.Checkpoint.SystemId is not { } system)
            return session.Fail(new Failure(ExitCode.Refused, $"the key is of the log {offered.Checkpoint.Origin}, which is not a QWAMOS ledger"));
        if (!OperatorKey.TryOpen(session, out var key, out failure))
            return session.Fail(failure);
        using (key)
        {
            var before = offered.Statement is { } recorded && recorded.IsSignedBy(key.Signer.Public) && LedgerTrust.Believes(session, recorded) ? recorded : null;
            if (before is null)
                session.Terminal.Note($"Signing, with your key {key.Id}, for system {system}, the ledger's key {offered.Key}");
            var statement = before ?? LedgerKeyStatement.Sign(key.Signer, offered.Key.ToString(), system, Seconds(seen));
            if (!TrySend(statement, out var answer, out failure))
                return session.Fail(failure);
            if (session.Json)
                session.Terminal.Print(JsonPrinter.Print(answer.Document) + "\n");
            else if (answer.IsOk)
                session.Terminal.Print($"signed      {offered.Key}\nsystem      {system}\nkey ID      {key.Id}\n{(before is null ? "recorded as" : "signed before, as")} entry {answer.Index}\n");
            if (!answer.IsOk)
            {
                RefusalReport.Show(session, answer, key);
                return (int)ExitCode.Refused;
            }
        }
        // With the statement in its answer the other key takes the place of the one seen.
        return seen is null || _reader.TryGetCheckpoint(out _, out failure) ? (int)ExitCode.Done : session.Fail(failure);
    }

    /// <summary>The ledger's checkpoint, and the one seen before when that is by another key and the operator said to go on.</summary>
    private bool TryChoose(out SignedCheckpoint offered, out SignedCheckpoint? seen, out Failure failure)
    {
        seen = null;
        if (!_reader.TryAskNewest(out offered, out failure) || !new SeenCheckpoints(session).TryFind(offered.Checkpoint.Origin, out var last, out failure))
            return false;
        var fits = last is null || last.Key.ToString() == offered.Key.ToString() || LedgerTrust.Replaces(session, offered.Statement, last.Statement);
        if (fits)
        {
            // What it takes for the newest statement may be one that this daemon has not: the daemon's own is what was recorded.
            var accepted = offered;
            return _reader.TryAccept(ref accepted, out failure);
        }
        seen = last;
        return _reader.IsOfTheLedger(offered, out failure) && MayGoOn(last!, offered, out failure);
    }

    private bool MayGoOn(SignedCheckpoint seen, SignedCheckpoint offered, out Failure failure)
    {
        failure = null!;
        session.Terminal.Note(
            $"""
            This is another key than the one seen before:
              seen before  {seen.Key}, {LedgerTrust.Describe(session, seen.Statement)}, {seen.Checkpoint.Size} {AuditText.Entries(seen.Checkpoint.Size)}
              offered now  {offered.Key}, {LedgerTrust.Describe(session, offered.Statement)}, {offered.Checkpoint.Size} {AuditText.Entries(offered.Checkpoint.Size)}
            So it is after qwamosd restore --accept-older, or when ledger_sk was lost; else somebody put another ledger there.
            Compare the offered one with the line `ledger key` of qwamosd's log: {session.DaemonLog}
            """);
        if (given is not null || session.Terminal.Confirm("Vouch for the key offered now, and forget the one seen before? Type yes: ") is true)
            return true;
        failure = new Failure(
            ExitCode.Refused,
            "nothing was signed: nobody confirmed the key offered now",
            "When that line shows it, KEY: qwamosctl audit key --sign --key KEY");
        return false;
    }

    private bool TrySend(LedgerKeyStatement statement, out AnswerReader answer, out Failure failure)
    {
        MessageDraft draft = new() { Command = BusCommands.LedgerKey, Args = statement.ToJson() };
        if (!EnvelopeWriter.TryWriteUnsigned(draft, out var envelope, out var refusal))
            throw new InvalidOperationException(refusal.Reason);
        if (!Bus.TryAsk(session, envelope, out answer, out failure))
            return false;
        if (!answer.IsOk || answer.Index is not null)
            return true;
        failure = Bus.Incomplete(session, "index");
        return false;
    }

    /// <summary>Now; but a statement counts in another one's place, here as at the boot and the gateways, only when it is later.</summary>
    private long Seconds(SignedCheckpoint? seen) =>
        Math.Max(session.Now, LedgerTrust.After(session, seen?.Statement) + 1);
}
