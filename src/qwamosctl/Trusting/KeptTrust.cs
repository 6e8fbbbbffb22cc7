using Qwamos.ControlBus;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;
using Qwamos.ControlBus.Keys;
using Qwamos.ControlBus.Trust;

namespace Qwamos.Client.Trusting;

/// <summary>
/// The newest trust root of each system that was verified here, in the key home: a daemon cannot show an older one unnoticed, and a file is signed where none
/// answers. It belongs to the enrolled key that it follows from: with another one it says nothing. Without a key home nothing is kept.
/// </summary>
internal static class KeptTrust
{
    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode FolderMode = FileMode | UnixFileMode.UserExecute;
    private const int MaxFileBytes = Limits.MaxTrustRootBytes + 1_024;

    /// <summary>Where it is.</summary>
    public static string FileOf(Session session, string system) => Path.Combine(session.KeyHomeDirectory, "seen", $"trust-{system}.json");

    /// <summary>Whether one was seen of this system, be it verified with this enrolled key or not: then messages name their keys.</summary>
    public static bool IsThere(Session session, string? system) => system is not null && File.Exists(FileOf(session, system));

    /// <summary>The trust root verified last from the key that is enrolled here; null where there was none, or none can be read.</summary>
    public static TrustRoot? Known(Session session) =>
        !WithoutLibsodium.IsInForce && SystemName.TryRead(session.Paths, out var system, out _) && IsThere(session, system)
        && Anchor.TryLoad(session.Paths, KeyHome.DefaultDirectory, out var anchor, out _) && TryRead(session, system, anchor, out var kept, out _)
            ? kept?.Root
            : null;

    /// <summary>What is kept; null when nothing is, or what is follows from another key. False when it cannot be read: that is not the same.</summary>
    public static bool TryRead(Session session, string? system, VerifyingKey anchor, out SignedRoot? kept, out Failure failure)
    {
        (kept, failure) = (null, null!);
        if (system is null || !SystemId.IsWellFormed(system) || Posix.IsAbsent(FileOf(session, system)))
            return true;
        var file = FileOf(session, system);
        string? fault;
        try
        {
            var content = DurableFile.ReadAllBounded(file, MaxFileBytes);
            if (StrictJson.TryParse(content, out var document, out fault) && TryTake(document, system, anchor, out kept, out fault))
                return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            fault = e.Message;
        }
        failure = new Failure(ExitCode.Refused, $"the trust root seen last cannot be read: {file}: {fault}", $"Find out what made it so, then move it away: mv {SafePath.Quote(file)} {SafePath.Quote(file + ".old")}");
        return false;
    }

    /// <summary>Keeps it in the place of the one before. A home that cannot be written keeps the older one: that is no reason not to go on.</summary>
    public static void Keep(Session session, TrustInForce trust)
    {
        if (trust.Signed is null || trust.SystemId is null || !Directory.Exists(session.KeyHomeDirectory) || !Anchor.TryLoad(session.Paths, KeyHome.DefaultDirectory, out var anchor, out _))
            return;
        var file = FileOf(session, trust.SystemId);
        try
        {
            DurableFile.MakeDirectory(Path.GetDirectoryName(file)!, FolderMode);
            var content = JsonValue.Object([("anchor", JsonValue.Of(anchor.Id.ToString())), .. trust.Signed.ToJson().Members.Select(member => (member.Key, member.Value))]);
            DurableFile.Replace(file, [.. JsonText.Bytes(content), (byte)'\n'], FileMode);
        }
        catch (Exception fault) when (fault is IOException or UnauthorizedAccessException)
        {
            session.Terminal.Note($"The trust root could not be kept in {SafeText.ForTerminal(file)}: {SafeText.ForTerminal(fault.Message)}");
        }
    }

    private static bool TryTake(JsonValue document, string system, VerifyingKey anchor, out SignedRoot? kept, out string? fault)
    {
        kept = null;
        fault = "it is not what this program writes there";
        if (document.Kind != JsonKind.Object || document.Members.Length != 3 || !document.TryGet("anchor", out var id) || !id.TryGetString(out var digits)
            || !document.TryGet("root", out var root) || !document.TryGet("signatures", out var signatures))
            return false;
        if (digits != anchor.Id.ToString())
            return true;
        return SignedRoot.TryRead(JsonValue.Object([("root", root), ("signatures", signatures)]), out kept, out fault) && kept.Root.SystemId == system;
    }
}
