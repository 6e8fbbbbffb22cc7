using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Files;

namespace Qwamos.Gateway.Enforcing.Radio;

/// <summary>
/// The kernel's radio switches (rfkill): all of them are switched by one event written to /dev/rfkill, which holds for radios that come later, too; what each really
/// is stands in /sys/class/rfkill. That they were blocked from here is remembered in a file, and which were blocked before: nobody else's block is taken back.
/// </summary>
internal sealed class RadioSwitch(SystemPaths paths)
{
    // struct rfkill_event of linux/rfkill.h: __u32 idx; __u8 type, op, soft, hard.
    private const int EventBytes = 8;
    private const byte AllTypes = 0;
    private const byte Change = 2;
    private const byte ChangeAll = 3;
    private const string Prefix = "rfkill";
    private const int MaxMarkerBytes = 64 * 1024;

    /// <summary>As /sys/class/rfkill/*/type has them; the first is number 1 of enum rfkill_type.</summary>
    private static readonly string[] Types = ["wlan", "bluetooth", "ultrawideband", "wimax", "wwan", "gps", "fm", "nfc"];

    private readonly string _device = paths.At("/dev/rfkill");
    private readonly string _class = paths.At("/sys/class/rfkill");

    /// <summary>Those that somebody else had blocked when they were blocked from here; null while they are not, as far as this process did it.</summary>
    private HashSet<string>? _others;

    /// <summary>Why there is nothing to switch with, or null.</summary>
    public string? Missing => Posix.IsAbsent(_device) ? $"there is no {_device}: modprobe rfkill here, or take radio out of gateway.json and give it a hook" : null;

    /// <summary>Blocks every radio; why it did not, or null.</summary>
    public string? Block() => Send([Event(0, AllTypes, ChangeAll, isBlocked: true)]);

    /// <summary>Takes back what <see cref="Block"/> did after <see cref="Remember"/>, in this process or one before it, if it did; why it did not, or null.</summary>
    public string? Release()
    {
        if (_others is null && Posix.IsAbsent(paths.RadiosBlockedFile))
            return null;
        try
        {
            if (Send(ToRelease(_others ?? ReadMarker())) is { } fault)
                return fault;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
        _others = null;
        try
        {
            _ = DurableFile.Remove(paths.RadiosBlockedFile);
        }
        catch (IOException)
        {
            // It is done. What stays is that the next start takes a block back once more.
        }
        return null;
    }

    /// <summary>
    /// Notes that <see cref="Block"/> is called; why it is not kept, or null. Before that, so that a stop in between leaves none that stays. A disk that takes no more must not keep the
    /// radios on: it is tried again, and after a restart in between the block is taken for somebody else's.
    /// </summary>
    public string? Remember()
    {
        try
        {
            bool isKept = !Posix.IsAbsent(paths.RadiosBlockedFile);
            // Once: later all of them are blocked.
            _others ??= isKept ? ReadMarker() : [.. Radios().Where(radio => Reads(radio, "soft", "1")).Select(Identity)];
            if (!isKept)
                DurableFile.Replace(paths.RadiosBlockedFile, Encoding.UTF8.GetBytes(string.Concat(_others.Select(name => name + "\n"))), UnixFileMode.UserRead | UnixFileMode.UserWrite);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _others ??= [];
            return e.Message;
        }
    }

    private HashSet<string> ReadMarker() =>
        [.. Encoding.UTF8.GetString(DurableFile.ReadAllBounded(paths.RadiosBlockedFile, MaxMarkerBytes)).Split('\n', StringSplitOptions.RemoveEmptyEntries)];

    /// <summary>
    /// One event for all where nobody else had blocked any. Else those that were blocked are never on, not for a moment either, and their type stays blocked for radios that come later. One that
    /// is not found any more may have come back under another name: then all of its type stay blocked.
    /// </summary>
    private List<byte[]> ToRelease(HashSet<string> others)
    {
        if (others.Count == 0)
            return [Event(0, AllTypes, ChangeAll, isBlocked: false)];
        List<string> radios = Radios();
        HashSet<string> found = [.. radios.Select(Identity)];
        HashSet<string> held = [.. others.Select(TypeIn)], gone = [.. others.Where(other => !found.Contains(other)).Select(TypeIn)];
        List<byte[]> events = [.. Types.Select((type, i) => (Type: type, Number: (byte)(i + 1))).Where(type => !held.Contains(type.Type)).Select(type => Event(0, type.Number, ChangeAll, isBlocked: false))];
        foreach (string radio in radios.Where(radio => !others.Contains(Identity(radio)) && !gone.Contains(TypeIn(Identity(radio)))))
        {
            if (uint.TryParse(Path.GetFileName(radio)[Prefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out uint number))
                events.Add(Event(number, (byte)(Array.IndexOf(Types, TypeIn(Identity(radio))) + 1), Change, isBlocked: false));
        }
        return events;
    }

    private static byte[] Event(uint number, byte type, byte operation, bool isBlocked)
    {
        var change = new byte[EventBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(change, number);
        (change[4], change[5], change[6]) = (type, operation, isBlocked ? (byte)1 : (byte)0);
        return change;
    }

    private string? Send(IReadOnlyList<byte[]> events)
    {
        try
        {
            using var device = new FileStream(_device, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            // The kernel takes one a write.
            foreach (byte[] change in events)
                device.Write(change);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

    private List<string> Radios() =>
        Directory.Exists(_class) ? [.. Directory.EnumerateFileSystemEntries(_class, Prefix + "*").Take(Limits.MaxRadios)] : [];

    /// <summary>Its type and its name; its number where it has no name.</summary>
    private static string Identity(string radio) =>
        $"{Word(ReadOrNull(radio, "type"))} {(ReadOrNull(radio, "name") is { Length: > 0 } name ? Word(name) : Path.GetFileName(radio))}";

    private static string TypeIn(string identity) => identity[..Math.Max(0, identity.IndexOf(' ', StringComparison.Ordinal))];

    private static string Word(string? text) => string.Concat((text ?? "").Where(letter => !char.IsControl(letter) && letter != ' '));

    /// <summary>The name of a radio that is on, or null. What cannot be read is taken for one that is.</summary>
    public string? FirstThatIsOn()
    {
        try
        {
            if (!Directory.Exists(_class))
                return null;
            string[] radios = [.. Directory.EnumerateFileSystemEntries(_class).Take(Limits.MaxRadios + 1)];
            return radios.Length > Limits.MaxRadios ? $"one of more than {Limits.MaxRadios}" : radios.Where(radio => !Reads(radio, "soft", "1") && !Reads(radio, "hard", "1")).Select(Path.GetFileName).FirstOrDefault();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return $"one that cannot be looked at ({e.Message})";
        }
    }

    private static bool Reads(string radio, string attribute, string value) => ReadOrNull(radio, attribute) == value;

    private static string? ReadOrNull(string radio, string attribute)
    {
        try
        {
            return File.ReadAllText(Path.Combine(radio, attribute)).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
