using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;

namespace Qwamos.ControlBus.Policy;

/// <summary>Reads a file that root must own and nobody else may write.</summary>
internal static class TrustedDocument
{
    /// <summary>True with null when there is no such file: its absence is no fault.</summary>
    public static bool TryReadIfPresent(string path, SystemPaths paths, int maxBytes, out byte[]? content, out string fault)
    {
        content = null;
        fault = "";
        // Without following: a dangling link is there, and is refused below.
        return Posix.IsAbsent(path) || TryReadBytes(path, paths, maxBytes, out content, out fault);
    }

    /// <summary>Reads a strict JSON document; the fault names the path.</summary>
    public static bool TryRead(string path, SystemPaths paths, int maxBytes, [NotNullWhen(true)] out JsonValue? document, out string fault)
    {
        document = null;
        if (!TryReadBytes(path, paths, maxBytes, out var content, out fault))
            return false;
        if (StrictJson.TryParse(content, out document, out var why, maxBytes))
            return true;
        fault = $"{path}: {why}";
        return false;
    }

    private static bool TryReadBytes(string path, SystemPaths paths, int maxBytes, [NotNullWhen(true)] out byte[]? content, out string fault)
    {
        content = null;
        fault = "";
        if (!SafePath.TryCheckTrusted(path, paths, PathRules.TrustedFile, out var distrust))
        {
            fault = distrust;
            return false;
        }
        try
        {
            content = DurableFile.ReadAllBounded(path, maxBytes);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            fault = e.Message;
            return false;
        }
    }
}
