using System.Globalization;
using System.Net.Sockets;
using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Hosting.Running;

/// <summary>systemd's journal, by its native protocol: a datagram an entry (systemd.io/JOURNAL_NATIVE_PROTOCOL). One thread's alone.</summary>
internal sealed class JournalSocket(string path, Stream stderr) : IDisposable
{
    public const string SystemPath = "/run/systemd/journal/socket";

    /// <summary>What each entry begins with.</summary>
    public const string MessageField = "MESSAGE=";

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private readonly Socket _socket = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { Blocking = false };
    private readonly ManualResetEvent _never = new(initialState: false);
    private readonly UnixDomainSocketEndPoint _journal = new(path);

    /// <summary>Whether stderr goes to the journal: JOURNAL_STREAM names it by device and inode (systemd.exec(5)). Somebody may have redirected it since.</summary>
    public static bool HasStderr =>
        Environment.GetEnvironmentVariable("JOURNAL_STREAM") is { } stream && Posix.TryStat("/proc/self/fd/2", followLinks: true, out FileStat stat)
        && stream == string.Create(CultureInfo.InvariantCulture, $"{Device(stat.DeviceMajor, stat.DeviceMinor)}:{stat.Inode}");

    /// <summary>
    /// Sends an entry, and waits while the journal's queue is full; where there is no journal, its message goes to stderr. It never waits inside
    /// the kernel, where nothing could end it.
    /// </summary>
    /// <exception cref="IOException">Nor can stderr be written.</exception>
    public void Send(byte[] entry)
    {
        while (true)
        {
            try
            {
                _socket.SendTo(entry, _journal);
                return;
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.WouldBlock)
            {
                _never.WaitOne(Pause);
            }
            catch (SocketException)
            {
                stderr.Write(entry.AsSpan(MessageField.Length..(entry.AsSpan().IndexOf((byte)'\n') + 1)));
                return;
            }
        }
    }

    /// <summary>To be called when nothing is sent any more.</summary>
    public void Dispose()
    {
        _socket.Dispose();
        _never.Dispose();
    }

    /// <summary>makedev(3).</summary>
    private static ulong Device(ulong major, ulong minor) =>
        (minor & 0xff) | ((major & 0xfff) << 8) | ((minor & ~0xffUL) << 12) | ((major & ~0xfffUL) << 32);
}
