using System.Diagnostics.CodeAnalysis;
using System.Text;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Envelopes;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.Daemon.Delivery;

namespace Qwamos.Daemon.Restoring;

/// <summary>
/// Asks all who can have seen more of the ledger than a backup has: what is in its place, the checkpoint kept beside it, the boot, the gateways, and
/// the checkpoints that the command was given.
/// </summary>
internal sealed class Sightings(SystemPaths paths, TimeProvider time)
{
    private const string Boot = "the last boot";
    private const string Kept = "the kept checkpoint";
    private const string Present = "the present ledger";

    /// <summary>The fold of the present ledger; null when there is none that can be read.</summary>
    public LoadedLedger? PresentLedger { get; private set; }

    /// <summary>The checkpoint that the daemon kept; null when there is none that can be read.</summary>
    public KeptCheckpoint? KeptCheckpoint { get; private set; }

    /// <summary>What is in the daemon's own folder. To be called as its account.</summary>
    public IEnumerable<Sighting> OwnFolder(LedgerStore restored)
    {
        yield return OfPresent(restored);
        if (Posix.IsAbsent(paths.CheckpointFile))
            yield return Sighting.Silent(Kept, "there is none");
        else if (ControlBus.Audit.KeptCheckpoint.TryLoad(paths.CheckpointFile, out KeptCheckpoint? kept, out string? fault) && (KeptCheckpoint = kept) is not null)
            yield return Sighting.Of(Kept, kept!.Tree, restored);
        else
            yield return Sighting.Unknown(Kept, fault ?? "it went away");
    }

    /// <summary>What the boot remembers; a memory that cannot be read is a fault that stands against the backup.</summary>
    public static Sighting OfBoot(BootMemory? memory, string? fault, LedgerStore restored) => memory switch
    {
        null => Sighting.Unknown(Boot, fault ?? ""),
        { RootHash: { } root } => Sighting.Of(Boot, new RememberedTree(memory.TreeSize, root), restored),
        _ => Sighting.Silent(Boot, "has seen no ledger"),
    };

    /// <summary>A checkpoint that somebody was given: with its key above it, or by a key that is known here.</summary>
    public static bool TryReadSeen(string path, string origin, IEnumerable<NoteVerifierKey> known, [NotNullWhen(true)] out Checkpoint? seen, [NotNullWhen(false)] out string? fault)
    {
        seen = null;
        byte[] content = DurableFile.ReadAllBounded(path, ControlBus.Audit.KeptCheckpoint.MaxFileBytes);
        if (ControlBus.Audit.KeptCheckpoint.TryParse(content, out KeptCheckpoint? kept, out _))
            seen = kept.Checkpoint;
        else
            seen = known.Select(key => Checkpoint.TryOpen(content, key, out Checkpoint? opened, out _) ? opened : null).FirstOrDefault(opened => opened is not null);
        var shown = SafeText.ForTerminal(path);
        fault = seen is null ? $"{shown} holds no checkpoint that can be checked: give the client's seen/SYSTEM-ID, whose first line is the key, or a checkpoint by a key that is known here"
            : seen.Origin != origin ? $"{shown} is a checkpoint of {SafeText.ForTerminal(seen.Origin)}, and this is {origin}"
            : null;
        return fault is null;
    }

    /// <summary>Asks the gateways, all at once, for the checkpoint that each has seen last.</summary>
    public async Task<IReadOnlyList<(string Name, Checkpoint? Seen, string Words)>> AskAsync(IReadOnlyList<GatewayEntry> gateways, string origin, PolicyState state) =>
        await Task.WhenAll(gateways.Select(gateway => AskAsync(gateway, origin, state))).ConfigureAwait(false);

    private Sighting OfPresent(LedgerStore restored)
    {
        if (Posix.IsAbsent(paths.LedgerFile))
            return Sighting.Silent(Present, "there is none");
        try
        {
            using LedgerStore store = LedgerCopy.OpenForBoot(paths.LedgerFile, paths.RestoringDir);
            PresentLedger = LedgerFold.Load(store);
            return Sighting.Of(Present, new RememberedTree(store.Size, Convert.ToHexStringLower(store.Tree().Root())), restored);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What a restore is for. What was in it, the others have seen.
            return Sighting.Silent(Present, $"cannot be read: {e.Message}");
        }
    }

    private async Task<(string, Checkpoint?, string)> AskAsync(GatewayEntry gateway, string origin, PolicyState state)
    {
        var who = $"gateway {gateway.Name}";
        try
        {
            if (!EnvelopeWriter.TryWriteUnsigned(new MessageDraft { Command = Commands.GetCheckpoint }, out Envelope? envelope, out Refusal? refusal))
                throw new InvalidOperationException(refusal.Reason);
            EnrolledDomain enrolled = state.Domains.GetValueOrDefault(gateway.Name) is { } domain ? EnrolledDomain.Of(domain, state.Trust.Root) : EnrolledDomain.None;
            using Link link = await Link.OpenAsync(gateway, enrolled, time, CancellationToken.None).ConfigureAwait(false);
            AnswerReader answer = await link.AskAsync(envelope.Raw, CancellationToken.None).ConfigureAwait(false);
            if (!answer.IsOk)
                return (who, null, $"not asked: {Receptions.Describe(answer)}");
            return TextOf(answer, "checkpoint") is not { } note || TextOf(answer, "key") is not { } key ? (who, null, "has seen no checkpoint") : Open(who, note, key, origin);
        }
        catch (LinkException e)
        {
            return (who, null, $"not asked: {e.Message}");
        }
    }

    /// <summary>
    /// It must be signed; by which key is shown with it. A key that nobody knows here may be the one that was lost with the machine, so that it
    /// counts: a gateway that lies stops the restore until its line is read.
    /// </summary>
    private static (string, Checkpoint?, string) Open(string who, string note, string key, string origin)
    {
        if (!OfferedCheckpoint.TryRead(new CheckpointOffer(note, key, 0, []), out OfferedCheckpoint? offered, out string? fault) || !offered.TryVerify(out _, out _, out fault))
            return (who, null, $"not asked: its checkpoint is not to be believed: {fault}");
        return offered.Checkpoint.Origin == origin
            ? (who, offered.Checkpoint, $" under the key {key}")
            : (who, null, $"has seen another system's ledger, {offered.Checkpoint.Origin}");
    }

    private static string? TextOf(AnswerReader answer, string name) =>
        answer.Document.TryGet(name, out JsonValue? value) && value.TryGetString(out string? text) ? text : null;
}
