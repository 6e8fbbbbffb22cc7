using System.Globalization;
using System.Security.Cryptography;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Audit;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Listening;
using Qwamos.ControlBus.Hosting.Running;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.Daemon.Boot;

namespace Qwamos.Daemon.Restoring;

/// <summary>
/// `qwamosd restore FILE` (ATTACKS 13, 30): checks FILE wholly, compares it with what anybody has seen, and only then begins to change something.
/// Root's program acts as the daemon's account wherever it touches the daemon's folder.
/// </summary>
internal sealed class Restore(SystemPaths paths, TimeProvider time, TextWriter output)
{
    private const string Account = "qwamos";
    private const UnixFileMode StateMode = (UnixFileMode)0x1E8; // 0750
    private const UnixFileMode RunMode = (UnixFileMode)0x1ED; // 0755
    private const int MaxKeptFolders = 10_000;
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(2);
    private static readonly string EmptyRoot = Convert.ToHexStringLower(SHA256.HashData([]));

    private readonly BootFolder _folder = new(paths);

    public required string File { get; init; }

    /// <summary>Files with checkpoints that clients or auditors have seen.</summary>
    public required IReadOnlyList<string> Seen { get; init; }

    public required bool AcceptOlder { get; init; }

    /// <summary>Is told how many entries are checked, and of how many.</summary>
    public Action<long, long>? Progress { get; init; }

    /// <summary>Why it was not done, or null.</summary>
    /// <exception cref="IOException">Something failed; before the plan is written nothing is changed, after it this must be run again.</exception>
    public string? Run()
    {
        FileStat owner = MakeFolders();
        if (_folder.Fault() is { } distrust)
            return distrust;
        using FileLock boot = _folder.Lock();
        using FileLock? daemon = As(owner, TryLockDaemon);
        if (daemon is null)
            return $"qwamosd runs: stop it first: {ProposedCommand.Stop(paths, "qwamosd")}";
        if (!RestorePlan.TryLoad(paths, out RestorePlan? begun, out string? fault))
            return fault;
        if (begun is not null)
            return GoOn(begun, owner);
        RestorePlan? plan = Decide(owner, out fault);
        if (plan is null)
            return fault;
        plan.Write(paths, _folder.Gid);
        CarryOut(plan, owner);
        return null;
    }

    private string? GoOn(RestorePlan plan, FileStat owner)
    {
        Say($"The restore of {plan.File} was begun before, and goes on.");
        CarryOut(plan, owner);
        return plan.File == File ? null : $"that restore is done; {SafeText.ForTerminal(File)} was not looked at: run this again to restore it";
    }

    private void CarryOut(RestorePlan plan, FileStat owner)
    {
        var steps = new RestoreSteps(paths, _folder);
        As(owner, () => steps.ReplaceLedger(plan));
        var kept = Path.Combine(paths.BackupsDir, plan.Folder);
        var (roots, unkept) = As(owner, () => (KeptRoots.Write(paths, kept, out var why), why));
        steps.Record(plan);
        Say($"Restored: {Sighting.Entries(plan.Note.Trees!.Size)}, root hash {plan.Note.Trees.RootHash}. The daemon's next start records it.");
        if (As(owner, () => Directory.Exists(kept)))
            Say($"What was in its place is kept in {kept}");
        if (unkept is not null)
            Say($"Whether there were later versions of the trust root, or all of them, could not be read from it: {unkept}");
        if (roots.Count > 0)
            Say("The trust root is an older version, and who was revoked since is not: start qwamosd, and send the later ones at once, in this order:");
        foreach (var root in roots)
            Say($"    {ProposedCommand.Of(paths, "qwamosctl", $"send {SafePath.Quote(root)}")}");
        if (plan.Note.Kind == BootNoteKind.RestoredOlder)
            Say($"The ledger gets a new key at that start, which qwamosd's log shows as `ledger key`. Whoever knows the old one refuses it until an operator has signed it: {ProposedCommand.Of(paths, "qwamosctl", "audit key --sign")}");
    }

    /// <summary>Everything that can refuse; nothing but a copy is made.</summary>
    private RestorePlan? Decide(FileStat owner, out string? fault)
    {
        if (!TryLoadTrust(out TrustedKey? key, out fault)
            || !PolicySchema.TryLoadFor(paths, out PolicySchema? schema, out fault)
            || !DaemonConfig.TryLoad(paths, schema, out DaemonConfig? config, out fault)
            || !BootNotes.TryReadAfter(paths, 0, out _, out fault))
            return null;
        var now = Math.Max(0, time.GetUtcNow().ToUnixTimeSeconds());
        using SourceFiles source = SourceFiles.Open(File);
        var sightings = new Sightings(paths, time);
        var origin = Checkpoint.OriginOf(key.SystemId);
        BootMemory? memory = _folder.TryReadMemory(out BootMemory? read, out string? unreadable) ? read : null;
        var isDecided = false;
        try
        {
            using Candidate candidate = As(owner, () => Restoring.Candidate.Make(paths, source, key, Progress));
            Say($"{"FILE",-22}  {Sighting.Entries(candidate.Ledger.Tree.Size)}, root hash {RootOf(candidate.Ledger)}; {candidate.Verified} signatures verified, {candidate.Unverified} by other keys than the enrolled one");
            if (candidate.Ledger.State.LastNote > BootPlanner.MaxNotesImported)
                return No($"{source.Shown} is not restored: it counts more boot notes than were ever written", out fault);
            List<Sighting> all = [.. As(owner, () => sightings.OwnFolder(candidate.Store).ToList()), Sightings.OfBoot(memory, unreadable, candidate.Store)];
            // Over TLS those are asked whom the ledger in place vouches for; where it cannot be read, FILE. What they say is checked by its signature.
            var asked = sightings.AskAsync(config.Gateways, origin, (sightings.PresentLedger ?? candidate.Ledger).State).GetAwaiter().GetResult();
            all.AddRange(asked.Select(each => each.Seen is { } seen ? Sighting.Of(each.Name, TreeOf(seen), candidate.Store, each.Words) : Sighting.Silent(each.Name, each.Words)));
            foreach (var path in Seen)
            {
                if (!Sightings.TryReadSeen(path, origin, KnownKeys(sightings, candidate), out Checkpoint? checkpoint, out fault))
                    return null;
                all.Add(Sighting.Of(path, TreeOf(checkpoint), candidate.Store));
            }
            foreach (Sighting sighting in all)
                Say(sighting.Line);
            foreach (var line in new TrustLoss(sightings.PresentLedger?.State.Trust, memory?.Trust, candidate.Ledger.State.Trust, key.Anchor.Id).Lines())
                Say(line);
            foreach (var line in DomainLoss.Lines(paths, sightings.PresentLedger?.State, candidate.Ledger.State))
                Say(line);
            List<Sighting> against = [.. all.Where(sighting => sighting.IsAgainst)];
            if (against.Count > 0 && !AcceptOlder)
                return No(Refusal(source, against), out fault);
            As(owner, candidate.Settle);
            var note = Note(now, candidate, sightings, memory, schema, against.Count > 0, all);
            isDecided = true;
            return new RestorePlan(File, As(owner, FreeFolder), note, Remembered(memory ?? BootMemory.Empty, candidate, schema, against.Count > 0));
        }
        finally
        {
            if (!isDecided)
                As(owner, () => Restoring.Candidate.Remove(paths));
        }
    }

    private string Refusal(SourceFiles source, List<Sighting> against)
    {
        var who = string.Join(", ", against.Select(sighting => SafeText.ForTerminal(sighting.Who)));
        return $"refused: {source.Shown} does not have all that was seen, by {who}. Nothing was changed. Look for a newer backup; to lose what is missing on purpose, "
            + $"which is recorded: {ProposedCommand.Of(paths, "qwamosd", $"restore {SafePath.Quote(source.Path)} --accept-older")}";
    }

    /// <summary>
    /// Every message that can be lost was signed before now, or at the latest times known: the fold takes each key's newest to be later than that.
    /// One signed from the next second on is taken.
    /// </summary>
    private BootNote Note(long now, Candidate candidate, Sightings sightings, BootMemory? memory, PolicySchema schema, bool isOlder, List<Sighting> all)
    {
        long known(string key) => Math.Max(
            Math.Max(now, candidate.Ledger.State.LastTimestamps.GetValueOrDefault(key)),
            Math.Max(sightings.PresentLedger?.State.LastTimestamps.GetValueOrDefault(key) ?? 0, memory?.Timestamps.GetValueOrDefault(key) ?? 0));
        var floor = Math.Max(candidate.Ledger.State.FloorSeconds, sightings.PresentLedger?.State.FloorSeconds ?? 0);
        RememberedTree old = all.Where(sighting => !isOlder || sighting.IsAgainst).Select(sighting => sighting.Tree).OfType<RememberedTree>().MaxBy(tree => tree.Size)
            ?? new RememberedTree(0, EmptyRoot);
        var sequence = BootNotes.NextSequence(paths, memory?.NextSequence ?? 1, candidate.Ledger.State.LastNote);
        AwaitSecondAfter(now);
        return BootNote.Restored(
            sequence,
            now,
            isOlder,
            new RestoredTrees(old.Size, old.RootHash, candidate.Ledger.Tree.Size, RootOf(candidate.Ledger)),
            floor,
            schema.Keys.Select(key => KeyValuePair.Create(key.Name, known(key.Name) + 1)));
    }

    private void AwaitSecondAfter(long now)
    {
        var waited = TimeSpan.Zero;
        for (; time.GetUtcNow().ToUnixTimeSeconds() <= now && waited < MaxWait; waited += Step)
            Task.Delay(Step, time).GetAwaiter().GetResult();
    }

    /// <summary>What the boot has seen of a key before stays: a change that was staged before it is not applied after it.</summary>
    private static BootMemory Remembered(BootMemory memory, Candidate candidate, PolicySchema schema, bool isOlder)
    {
        var timestamps = new Dictionary<string, long>(memory.Timestamps, StringComparer.Ordinal);
        foreach (var (key, seconds) in candidate.Timestamps.Where(pair => schema.TryGet(pair.Key, out _)))
            timestamps[key] = Math.Max(seconds, timestamps.GetValueOrDefault(key));
        MerkleTree tree = candidate.Ledger.Tree;
        return memory with
        {
            TreeSize = tree.Size,
            RootHash = tree.Size == 0 ? null : RootOf(candidate.Ledger),
            Timestamps = timestamps,
            // The key that it names is retired with what is lost; root has decided that another one follows.
            LedgerKey = isOlder ? null : memory.LedgerKey,
            Trust = isOlder ? null : memory.Trust,
        };
    }

    private bool TryLoadTrust(out TrustedKey key, out string? fault)
    {
        key = null!;
        if (!Anchor.TryLoad(paths, KeyHome.DefaultDirectory, out VerifyingKey? anchor, out AnchorFault? anchorFault))
            fault = anchorFault.Text;
        else if (SystemId.TryLoad(paths, out string? systemId, out fault))
            key = new TrustedKey(anchor, systemId);
        return fault is null;
    }

    /// <summary>The keys that a checkpoint without one can be checked with.</summary>
    private static IEnumerable<NoteVerifierKey> KnownKeys(Sightings sightings, Candidate candidate)
    {
        if (sightings.KeptCheckpoint is { } kept)
            yield return kept.Key;
        foreach (PolicyState state in new[] { candidate.Ledger, sightings.PresentLedger }.OfType<LoadedLedger>().Select(ledger => ledger.State))
        {
            if (state.LedgerKey is { } recorded && NoteVerifierKey.TryParse(recorded.Statement.Key, out NoteVerifierKey? key, out _))
                yield return key;
        }
    }

    /// <summary>Makes what a machine that was set up anew has not yet; gives whose folder the daemon's is.</summary>
    private FileStat MakeFolders()
    {
        TrialTree.MakeMissing(paths);
        _folder.Make();
        if (!Posix.Exists(paths.StateDir))
        {
            if (!ProcessSetup.TryFindAccount(Account, out uint uid, out uint gid))
                throw new IOException($"there is no account {Account}: install the package, or start qwamosd once");
            if (DurableFile.MakeDirectory(paths.StateDir, StateMode))
                Posix.ChangeOwner(paths.StateDir, uid, gid);
        }
        FileStat state = Posix.Stat(paths.StateDir);
        if (DurableFile.MakeDirectory(paths.RunDir, RunMode))
            Posix.ChangeOwner(paths.RunDir, state.Uid, state.Gid);
        return state;
    }

    private FileLock? TryLockDaemon()
    {
        foreach (var folder in (string[])[paths.StateDir, paths.RunDir])
        {
            if (!SafePath.TryCheckTrusted(folder, paths, PathRules.OwnDirectory, out string? fault))
                throw new IOException(fault);
        }
        return BusSocket.TryLock(paths.BusSocket, out FileLock? held) ? held : null;
    }

    private string FreeFolder() => Enumerable.Range(1, MaxKeptFolders)
        .Select(number => string.Create(CultureInfo.InvariantCulture, $"replaced-{number:D8}"))
        .FirstOrDefault(name => !Posix.Exists(Path.Combine(paths.BackupsDir, name)))
        ?? throw new IOException($"{paths.BackupsDir} holds {MaxKeptFolders} replaced ledgers already: remove some");

    private static void As(FileStat owner, Action action) => As<object?>(owner, () =>
    {
        action();
        return null;
    });

    private static T As<T>(FileStat owner, Func<T> action)
    {
        using ActingAs? account = ActingAs.OwnerOf(owner);
        return action();
    }

    private static RememberedTree TreeOf(Checkpoint checkpoint) => new(checkpoint.Size, checkpoint.RootHex);

    private static string RootOf(LoadedLedger ledger) => Convert.ToHexStringLower(ledger.Tree.Root());

    private void Say(string line) => output.WriteLine(SafeText.ForTerminal(line));

    private static RestorePlan? No(string why, out string? fault)
    {
        fault = why;
        return null;
    }
}
