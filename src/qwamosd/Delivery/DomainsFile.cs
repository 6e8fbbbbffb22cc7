using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Json;

namespace Qwamos.Daemon.Delivery;

/// <summary>domains.json: the rows of all domains as the courier knew them last. Its own memory, and what qwamosd shows; nothing is decided by it.</summary>
internal static class DomainsFile
{
    private const int Format = 1;
    private const int HashDigits = 64;

    /// <summary>For the rows of domains that are not named any more, until the courier writes the file anew.</summary>
    private const int MinBytes = 8 * 1024 * 1024;

    private const string NotOurs = "it is not what the courier of this version writes";

    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;

    /// <param name="paths">Where it is.</param>
    /// <param name="configuration">The hash of the configuration that names the domains.</param>
    /// <param name="rows">By name.</param>
    /// <exception cref="IOException">The old file stands.</exception>
    public static void Write(SystemPaths paths, string configuration, IEnumerable<KeyValuePair<string, DomainRow>> rows) => DurableFile.Replace(
        paths.DomainsFile,
        JsonText.Line(JsonValue.Object([("format", JsonValue.Of(Format)), ("configuration", JsonValue.Of(configuration)), ("domains", JsonValue.Object(rows.Select(row => (row.Key, row.Value.ToJson()))))])),
        Mode);

    /// <summary>
    /// False with a clause when it is there and cannot be read; a missing one has no rows. The courier, which writes it, may be another's by now: the file is as long as its
    /// domains need at most, and is read row by row, so that what it makes of it is small.
    /// </summary>
    /// <param name="paths">Where it is.</param>
    /// <param name="domains">How many domains there are.</param>
    /// <param name="rows">By name.</param>
    /// <param name="configuration">The hash of the configuration that its writer has read; null where it does not say.</param>
    /// <param name="fault">Why there are none.</param>
    public static bool TryRead(
        SystemPaths paths, int domains, [NotNullWhen(true)] out IReadOnlyDictionary<string, DomainRow>? rows, out string? configuration, [NotNullWhen(false)] out string? fault)
    {
        configuration = null;
        var read = new Dictionary<string, DomainRow>(StringComparer.Ordinal);
        rows = null;
        try
        {
            if (Posix.IsAbsent(paths.DomainsFile))
            {
                (rows, fault) = (read, null);
                return true;
            }

            fault = FaultOf(DurableFile.ReadAllBounded(paths.DomainsFile, Math.Max(MinBytes, domains * Limits.MaxDomainRowBytes)), read, out configuration);
            rows = fault is null ? read : null;
            return fault is null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            fault = e.Message;
            return false;
        }
    }

    private static string? FaultOf(ReadOnlySpan<byte> text, Dictionary<string, DomainRow> read, out string? configuration)
    {
        configuration = null;
        try
        {
            var reader = new Utf8JsonReader(text);
            (bool isFormat, bool hasRows) = (false, false);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
                return NotOurs;
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                if (reader.ValueTextEquals("format"u8))
                    isFormat = reader.Read() && reader.TokenType == JsonTokenType.Number && reader.TryGetInt32(out int format) && format == Format;
                else if (reader.ValueTextEquals("configuration"u8))
                    configuration = reader.Read() && reader.TokenType == JsonTokenType.String && reader.ValueSpan.Length == HashDigits ? reader.GetString() : null;
                else if (hasRows = reader.ValueTextEquals("domains"u8) && reader.Read() && reader.TokenType == JsonTokenType.StartObject)
                    ReadRows(ref reader, text, read);
                else
                    return NotOurs;
            }
            return isFormat && hasRows ? null : NotOurs;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The second is for a name that is no Unicode.
            return $"it is not JSON: {e.Message}";
        }
    }

    private static void ReadRows(ref Utf8JsonReader reader, ReadOnlySpan<byte> text, Dictionary<string, DomainRow> read)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            reader.Read();
            int start = (int)reader.TokenStartIndex;
            reader.Skip();
            // One that is wrong costs that row only: what is in it came from its domain.
            if (StrictJson.TryParse(text[start..(int)reader.BytesConsumed], out JsonValue? json, out _, Limits.MaxDomainRowBytes) && DomainRow.TryRead(json, out DomainRow row, out _))
                read[name] = row;
        }
    }
}
