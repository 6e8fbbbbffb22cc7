using System.Net.Sockets;
using Qwamos.ControlBus.Files;

namespace Qwamos.ControlBus.Hosting.Running;

/// <summary>Why a Unix socket could not be used. .NET says of a socket that is not there that an address cannot be assigned.</summary>
public static class SocketFaults
{
    /// <summary>One clause that names the path.</summary>
    public static string Describe(string path, SocketException fault)
    {
        string shown = SafeText.ForTerminal(path);
        return fault.SocketErrorCode switch
        {
            // By now it may have been made.
            SocketError.AddressNotAvailable => $"there is no socket {shown}",
            _ when Posix.IsAbsent(path) => $"there is no socket {shown}",
            _ when Posix.TryStat(path, followLinks: true, out FileStat found) && found.Kind != FileKind.Socket => $"{shown} is no socket",
            SocketError.ConnectionRefused => $"nothing listens at {shown}",
            SocketError.AccessDenied => $"{Posix.UserName(Posix.EffectiveUid)} may not use the socket {shown}",
            _ => $"the socket {shown} failed: {fault.Message}",
        };
    }
}
