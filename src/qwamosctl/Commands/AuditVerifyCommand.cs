using System.CommandLine;
using Qwamos.Client.Auditing;
using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Client.Commands;

/// <summary><c>qwamosctl audit verify</c>: checks the daemon's ledger or, offline, an export. The latter needs no system of its own.</summary>
internal static class AuditVerifyCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Argument<string?> directory = new("DIR") { Description = "An export, as --from DIR", Arity = ArgumentArity.ZeroOrOne };
        SourceOption source = new();
        SignerOption signers = new();
        WitnessOption witnesses = new();
        Command command = new("verify", "Check every hash, signature and fold of the ledger, or of an export; says the first entry that fails and why") { directory };
        source.AddTo(command);
        signers.AddTo(command);
        witnesses.AddTo(command);
        command.SetAction(parse => shared.Run(parse, terminal, session => Run(session, parse, parse.GetValue(directory), source, signers, witnesses)));
        return command;
    }

    private static int Run(Session session, ParseResult parse, string? directory, SourceOption source, SignerOption signerOption, WitnessOption witnessOption)
    {
        if (!source.TryRead(parse, session, out var from, out var key, out var failure)
            || !signerOption.TryRead(parse, session, out var signers, out failure)
            || !witnessOption.TryRead(parse, session, out var quorum, out failure))
            return session.Fail(failure);
        if (directory is not null && from is not null)
            return session.Fail(Failure.Usage("the export is named twice: give DIR or --from DIR"));
        directory ??= from;
        Progress progress = new(session.Terminal, "verifying");
        AuditReport report;
        string trust;
        var done = directory is null
            ? TryVerifyDaemon(session, key, signers, quorum, progress, out report, out trust, out failure)
            : TryVerifyExport(session, directory, key, signers, quorum, progress, out report, out trust, out failure);
        progress.End();
        return done ? Say(session, report, signers, trust) : session.Fail(failure);
    }

    private static bool TryVerifyDaemon(
        Session session, NoteVerifierKey? key, IReadOnlyList<VerifyingKey> signers, WitnessQuorum? quorum, Progress progress, out AuditReport report, out string trust, out Failure failure)
    {
        (report, trust) = (new AuditReport(), LedgerKeyOption.Given);
        LedgerReader reader = new(session, key);
        if (!(quorum is null ? reader.TryGetCheckpoint(out var signed, out failure) : reader.TryGetCosigned(out signed, out failure)) || (key is null && !IsTrusted(session, signed, out trust, out failure)))
            return false;
        try
        {
            report = new HistoryVerifier(reader.Place, signed.Checkpoint, signers, index => reader.ReadHash(index, signed.Checkpoint)).Verify(reader.ReadLeaves(0, signed.Checkpoint.Size), progress.Show);
            report = WithWitnesses(report, quorum, signed.Note);
            return true;
        }
        catch (SourceException e)
        {
            failure = e.Failure;
            return false;
        }
    }

    /// <summary>The key that came with the checkpoint is one that an operator signed, or that is pinned.</summary>
    private static bool IsTrusted(Session session, SignedCheckpoint signed, out string trust, out Failure failure)
    {
        trust = LedgerTrust.Describe(session, signed.Statement);
        if (!new SeenCheckpoints(session).TryFind(signed.Checkpoint.Origin, out var seen, out failure))
            return false;
        if (seen?.Key.ToString() == signed.Key.ToString() || LedgerTrust.Believes(session, signed.Statement))
            return true;
        failure = Failure.Usage(
            "which key is the ledger's is not said, no operator's word for it is known here, and there is no key home to pin it in", "Give it: --key KEY, which came another way than from the daemon");
        return false;
    }

    private static bool TryVerifyExport(
        Session session, string directory, NoteVerifierKey? given, IReadOnlyList<VerifyingKey> signers, WitnessQuorum? quorum, Progress progress, out AuditReport report, out string trust, out Failure failure)
    {
        (report, trust) = (new AuditReport(), "");
        if (!ExportFolder.TryCheck(directory, out failure))
            return false;
        try
        {
            // Without a key given the checkpoint's first line says whose to look for; what it says is believed under that key only.
            if (!LedgerKeyOption.TryFind(
                session, given, given is null ? ExportReader.ReadCheckpoint(directory) : [], Path.Combine(directory, ExportReader.CheckpointFile), ExportReader.ReadStatements(directory, signers), out var key, out trust, out failure))
                return false;
            report = new ExportVerifier(directory, key, signers).Verify(progress.Show);
            if (quorum is not null)
                report = WithWitnesses(report, quorum, ExportReader.ReadCheckpoint(directory));
        }
        catch (ExportFaultException e)
        {
            failure = null!;
            report = new AuditReport { Fault = e.Fault };
        }
        return true;
    }

    /// <summary>Who else saw this tree.</summary>
    private static AuditReport WithWitnesses(AuditReport report, WitnessQuorum? quorum, ReadOnlySpan<byte> note)
    {
        if (quorum is null || !report.IsSound)
            return report;
        return quorum.IsMet(note, report.Checkpoint!, out var cosigned, out var fault)
            ? report with { Witnesses = cosigned }
            : report with { Fault = new AuditFault(ExportReader.CheckpointFile, null, fault), Witnesses = cosigned };
    }

    private static int Say(Session session, AuditReport report, IReadOnlyList<VerifyingKey> signers, string trust)
    {
        if (session.Json)
            session.Terminal.Print(JsonPrinter.Print(AuditText.ToJson(report, trust)) + "\n");
        else if (report.IsSound)
            session.Terminal.Print(AuditText.Describe(report, signers, trust));
        if (report.IsSound)
            return (int)ExitCode.Done;
        session.Terminal.Complain($"not sound: {report.Fault}", report.Fault is { } found ? AuditText.Mend(found.Reason, trust == LedgerKeyOption.Given) : null);
        return (int)ExitCode.Refused;
    }
}
