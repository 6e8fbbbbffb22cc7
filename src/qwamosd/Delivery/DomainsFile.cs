using System.Diagnostics.CodeAnalysis;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;

namespace Qwamos.Daemon.Delivery;

/// <summary>domains.json: the rows of all domains as the courier knew them last. Its own memory, and what qwamosd shows; nothing is decided by it.</summary>
internal static class DomainsFile
{
    private const int Format = 1;
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;

    /// <exception cref="IOException">The old file stands.</exception>
    public static void Write(SystemPaths paths, IEnumerable<KeyValuePair<string, DomainRow>> rows) => DurableFile.Replace(
        paths.DomainsFile,
        JsonText.Line(JsonValue.Object([("format", JsonValue.Of(Format)), ("domains", JsonValue.Object(rows.Select(row => (row.Key, row.Value.ToJson()))))])),
        Mode);

    /// <summary>False with a clause when it is there and cannot be read; a missing one has no rows.</summary>
    public static bool TryRead(SystemPaths paths, [NotNullWhen(true)] out IReadOnlyDictionary<string, DomainRow>? rows, [NotNullWhen(false)] out string? fault)
    {
        var read = new Dictionary<string, DomainRow>(StringComparer.Ordinal);
        rows = null;
        try
        {
            if (Posix.IsAbsent(paths.DomainsFile))
            {
                (rows, fault) = (read, null);
                return true;
            }

            if (!StrictJson.TryParse(DurableFile.ReadAllBounded(paths.DomainsFile, Limits.MaxDomainsFileBytes), out JsonValue? document, out fault, Limits.MaxDomainsFileBytes))
                return false;
            var reader = new MemberReader(document, "domains.json");
            reader.Integer("format", Format, Format);
            foreach ((string name, JsonValue json) in reader.Object("domains"))
            {
                // One that is wrong costs that row only: what is in it came from its domain.
                if (DomainRow.TryRead(json, out DomainRow row, out _))
                    read[name] = row;
            }

            if (!reader.Finish(out fault))
                return false;
            (rows, fault) = (read, null);
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            fault = e.Message;
            return false;
        }
    }
}
