using System.Buffers.Binary;
using Qwamos.ControlBus;
using Qwamos.ControlBus.Files;

namespace Qwamos.Gateway.Enforcing.Radio;

/// <summary>
/// The kernel's radio switches (rfkill): all of them are switched by one event written to /dev/rfkill, which holds for radios that come later, too; what each really
/// is stands in /sys/class/rfkill. That they were blocked from here is remembered in a file: nobody else's block is taken back.
/// </summary>
internal sealed class RadioSwitch(SystemPaths paths)
{
    // struct rfkill_event of linux/rfkill.h: __u32 idx; __u8 type, op, soft, hard.
    private const int EventBytes = 8;
    private const byte AllTypes = 0;
    private const byte ChangeAll = 3;

    private readonly string _device = paths.At("/dev/rfkill");
    private readonly string _class = paths.At("/sys/class/rfkill");
    private bool _isOurs;

    /// <summary>Why there is nothing to switch with, or null.</summary>
    public string? Missing => Posix.IsAbsent(_device) ? $"there is no {_device}: modprobe rfkill here, or take radio out of gateway.json and give it a hook" : null;

    /// <summary>Blocks every radio; why it did not, or null.</summary>
    public string? Block()
    {
        _isOurs = true;
        try
        {
            // Before the block, so that a stop in between leaves none that stays.
            if (Posix.IsAbsent(paths.RadiosBlockedFile))
                DurableFile.Replace(paths.RadiosBlockedFile, [], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
        catch (IOException)
        {
            // A disk that takes no more must not keep the radios on. After a restart, this block is then taken for somebody else's.
        }
        return Send(isBlocked: true);
    }

    /// <summary>Takes back what <see cref="Block"/> did, in this process or one before it, if it did; why it did not, or null.</summary>
    public string? Release()
    {
        if (!_isOurs && Posix.IsAbsent(paths.RadiosBlockedFile))
            return null;
        if (Send(isBlocked: false) is { } fault)
            return fault;
        _isOurs = false;
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

    private string? Send(bool isBlocked)
    {
        Span<byte> change = stackalloc byte[EventBytes];
        BinaryPrimitives.WriteUInt32LittleEndian(change, 0);
        (change[4], change[5], change[6], change[7]) = (AllTypes, ChangeAll, isBlocked ? (byte)1 : (byte)0, 0);
        try
        {
            using var device = new FileStream(_device, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            device.Write(change);
            return null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return e.Message;
        }
    }

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

    private static bool Reads(string radio, string attribute, string value)
    {
        try
        {
            return File.ReadAllText(Path.Combine(radio, attribute)).Trim() == value;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
