using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Keys;

namespace Qwamos.Client;

/// <summary>
/// The system a message is for. Where this machine has an ID each message names it, so that it is worth nothing on another system; a
/// daemon of the old design ignores the member.
/// </summary>
internal static class SystemName
{
    /// <summary>Null where this machine has no ID. False when it has one that cannot be trusted or read.</summary>
    public static bool TryRead(SystemPaths paths, out string? id, out Failure failure)
    {
        id = null;
        failure = null!;
        if (Posix.IsAbsent(paths.SystemIdFile) || SystemId.TryLoad(paths, out id, out var fault))
            return true;
        failure = new Failure(ExitCode.Refused, fault);
        return false;
    }
}
