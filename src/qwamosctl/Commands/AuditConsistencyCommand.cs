using System.CommandLine;
using System.Globalization;
using Qwamos.Client.Auditing;
using Qwamos.Client.Showing;
using Qwamos.Client.Talking;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.Client.Commands;

/// <summary><c>qwamosctl audit consistency OLD [NEW]</c>: whether a ledger only grew between two checkpoints. The daemon gives the proof, and is not believed.</summary>
internal static class AuditConsistencyCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        Argument<string> old = new("OLD") { Description = "A file with a signed checkpoint that was kept" };
        Argument<string?> later = new("NEW") { Description = "Another one, of the same size or greater (default: the daemon's newest)", Arity = ArgumentArity.ZeroOrOne };
        Option<string> key = new("--key") { HelpName = "KEY", Description = "The ledger's verifier key, or a file with it (default: the one the daemon says)" };
        Command command = new("consistency", "Check that the ledger of one checkpoint begins with that of an older one: nothing was taken away or changed") { old, later, key };
        command.SetAction(parse => shared.Run(
            parse, terminal, session => Run(session, parse.GetValue(old)!, parse.GetValue(later), parse.GetValue(key))));
        return command;
    }

    private static int Run(Session session, string oldFile, string? newFile, string? keyText)
    {
        LedgerReader reader = new(session);
        if (!reader.TryGetCheckpoint(out var newest, out var failure))
            return session.Fail(failure);
        var key = newest.Key;
        if (keyText is not null && !AuditKeys.TryReadLedger(keyText, session, out key, out failure))
            return session.Fail(failure);
        if (!TryOpen(session, oldFile, key, out var old, out failure)
            || !TryOpenNew(session, newFile, newest, key, out var later, out failure))
            return session.Fail(failure);
        if (old.Size > later.Size)
            return session.Fail(new Failure(ExitCode.Refused, $"NEW has {later.Size} entries and OLD {old.Size}: the ledger was cut or put back, or they are the wrong way round"));
        if (!reader.TryGetConsistency(old.Size, later.Size, out var proof, out failure))
            return session.Fail(failure);
        if (!TreeProofs.VerifyConsistency(old.Size, old.RootHash.Span, later.Size, later.RootHash.Span, proof))
            return session.Fail(new Failure(
                ExitCode.Refused,
                $"the ledger of {later.Size} entries is not shown to begin with the {old.Size} of OLD: its history was changed, or the daemon's proof is wrong",
                "Keep both checkpoints: if one key signed both and no proof can be had, they are the evidence"));
        session.Terminal.Print(Describe(session, old, later));
        return (int)ExitCode.Done;
    }

    private static bool TryOpenNew(Session session, string? file, SignedCheckpoint newest, NoteVerifierKey key, out Checkpoint later, out Failure failure)
    {
        if (file is not null)
            return TryOpen(session, file, key, out later, out failure);
        return TryOpen(newest.Note, "the daemon's checkpoint", key, out later, out failure);
    }

    private static bool TryOpen(Session session, string file, NoteVerifierKey key, out Checkpoint checkpoint, out Failure failure)
    {
        checkpoint = null!;
        return InputFile.TryRead(session.Terminal, file, Limits.MaxNoteBytes, out var content, out failure) && TryOpen(content, file, key, out checkpoint, out failure);
    }

    private static bool TryOpen(byte[] note, string what, NoteVerifierKey key, out Checkpoint checkpoint, out Failure failure)
    {
        failure = null!;
        if (Checkpoint.TryOpen(note, key, out checkpoint!, out var fault))
            return true;
        failure = new Failure(ExitCode.Refused, $"{what}: {fault}");
        return false;
    }

    private static string Describe(Session session, Checkpoint old, Checkpoint later) => session.Json
        ? JsonPrinter.Print(JsonValue.Object([
            ("status", JsonValue.Of("ok")),
            ("old", JsonValue.Object(AuditText.Members(old))),
            ("new", JsonValue.Object(AuditText.Members(later)))])) + "\n"
        : string.Create(CultureInfo.InvariantCulture, $"consistent  the first {old.Size} of {later.Size} entries are the same\nledger      {SafeText.ForTerminal(later.Origin)}\n");
}
