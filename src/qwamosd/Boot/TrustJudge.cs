using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Ledger;
using Qwamos.ControlBus.Policy;
using Qwamos.ControlBus.Verification;

namespace Qwamos.Daemon.Boot;

/// <summary>
/// Which trust root was in force at each entry: every version is verified from the anchor on, and what an earlier boot saw must be among them (ATTACKS 6, 13). Who writes
/// the ledger can author no version, but could leave one out, or record that root replaced the anchor.
/// </summary>
internal sealed class TrustJudge(SystemPaths paths, BootGrounds grounds, LedgerStore store, BootReport report)
{
    /// <summary>The versions, and what is to be remembered of them.</summary>
    /// <param name="trust">Those that the ledger's state names, with what root's notes change about them.</param>
    /// <exception cref="LedgerIntegrityException">They are not to be believed.</exception>
    public (RootHistory Roots, SeenTrust? Seen) Judge(RecordedTrust trust)
    {
        trust = trust with { BegunSeconds = Math.Max(trust.BegunSeconds, grounds.Memory.TrustBegunSeconds) };
        if (!LedgerRoots.TryVerify(store, trust, grounds.Anchor, grounds.SystemId, out var roots, out var fault))
            throw new LedgerIntegrityException($"{Capital(fault)}. Enrol the key that the first trust root was signed by; or begin anew: {Enrol}");
        var anchor = grounds.Anchor.Id.ToString();
        if (grounds.Memory.Trust is { } earlier && earlier.Anchor == anchor) CheckFollows(earlier, trust);
        if (trust.Root is not { } root) return (roots, null);
        var seen = new SeenTrust(anchor, root.Version, root.Hash, trust.Entries[^1]);
        if (grounds.Memory.Trust is not { } before || before.Anchor != anchor) report.Say($"trust root {seen.Version} is in force from entry {seen.Index} on: {seen.Hash}");
        else if (before != seen) report.Say($"trust root {seen.Version} is in force from entry {seen.Index} on, version {before.Version} was at the last boot: {seen.Hash}");
        return (roots, seen);
    }

    private void CheckFollows(SeenTrust earlier, RecordedTrust trust)
    {
        var there = trust.Version < earlier.Version ? null : store.ReadEntry(trust.Entries[(int)earlier.Version - 1]) as TrustRootEntry;
        var fault = trust.Version < earlier.Version ? $"its trust root in force is version {trust.Version}"
            : there?.Root.Root.Hash != earlier.Hash ? $"its version {earlier.Version} is another, {there?.Root.Root.Hash}"
            : trust.Entries[(int)earlier.Version - 1] != earlier.Index ? $"it recorded that version anew, as entry {trust.Entries[(int)earlier.Version - 1]}"
            : null;
        if (fault is not null)
            throw new LedgerIntegrityException(
                $"An earlier boot saw trust root {earlier.Version} ({earlier.Hash}, entry {earlier.Index}), and {fault}: it was rolled back. Put the newest ledger back; when you began anew yourself, say so: {Enrol}");
    }

    private string Enrol => ProposedCommand.Of(paths, "qwamosd", "enroll FILE --replace");

    private static string Capital(string sentence) => char.ToUpperInvariant(sentence[0]) + sentence[1..];
}
