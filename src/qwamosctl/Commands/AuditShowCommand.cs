using System.CommandLine;
using Qwamos.Client.Auditing;
using Qwamos.Client.Showing;
using Qwamos.ControlBus.Ledger;

namespace Qwamos.Client.Commands;

/// <summary>
/// <c>qwamosctl audit show</c>: who changed what and when, and what became of it. The entries are checked against the signed tree when all have
/// come; signatures of envelopes are <c>verify</c>'s.
/// </summary>
internal static class AuditShowCommand
{
    public static Command Build(SharedOptions shared, Terminal terminal)
    {
        SourceOption source = new();
        EntryFilter filter = new();
        Command command = new("show", "Show who changed what and when, and what became of it: an entry a line");
        source.AddTo(command);
        filter.AddTo(command);
        command.SetAction(parse => shared.Run(parse, terminal, session => Run(session, parse, source, filter)));
        return command;
    }

    private static int Run(Session session, ParseResult parse, SourceOption option, EntryFilter filter)
    {
        if (!filter.TryRead(parse, out var wanted, out var failure)
            || !option.TryOpen(parse, session, out var source, out failure)
            || !source.TryGetCheckpoint(out var signed, out failure))
            return session.Fail(failure);
        MerkleTree tree = new();
        var shown = 0L;
        try
        {
            foreach (var leaf in source.ReadLeaves(0, signed.Checkpoint.Size))
                shown += Show(session, wanted, tree, leaf) ? 1 : 0;
        }
        catch (SourceException fault)
        {
            return session.Fail(fault.Failure);
        }
        catch (LedgerIntegrityException fault)
        {
            return session.Fail(new Failure(ExitCode.Refused, fault.Message));
        }
        if (!tree.Root().AsSpan().SequenceEqual(signed.Checkpoint.RootHash.Span))
            return session.Fail(new Failure(ExitCode.Refused, "what was shown is not what the ledger's key signed: do not believe it"));
        return shown > 0 ? (int)ExitCode.Done : filter.ExplainNothing(parse, session);
    }

    private static bool Show(Session session, Func<LedgerEntry, bool> wanted, MerkleTree tree, byte[] leaf)
    {
        var index = tree.Size;
        tree.Append(MerkleTree.LeafHash(leaf));
        var entry = EntryReader.ReadExported(index, leaf);
        if (!wanted(entry))
            return false;
        session.Terminal.Print(session.Json ? JsonPrinter.Print(EntryText.ToJson(index, entry)) + "\n" : EntryText.Line(index, entry));
        return true;
    }
}
