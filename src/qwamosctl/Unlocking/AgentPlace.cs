using System.Text;
using Qwamos.ControlBus;

namespace Qwamos.Client.Unlocking;

/// <summary>Where the agent of a key home listens: in the user's own folder for such things, or in the key home.</summary>
internal static class AgentPlace
{
    private const string SocketName = "agent.sock";
    private const string RuntimeVariable = "XDG_RUNTIME_DIR";

    /// <summary>The socket's path: <c>DIR/agent.sock</c> under <c>--home DIR</c>, else <c>$XDG_RUNTIME_DIR/qwamos/agent.sock</c>, else in the key home.</summary>
    public static string Of(Session session)
    {
        var runtime = Environment.GetEnvironmentVariable(RuntimeVariable);
        return Path.GetFullPath(session.Home is null && runtime is not null && Path.IsPathRooted(runtime)
            ? Path.Combine(runtime, "qwamos", SocketName)
            : Path.Combine(session.KeyHomeDirectory, SocketName));
    }

    /// <summary>Whether a socket can have such a path.</summary>
    public static bool IsShortEnough(string path) => Encoding.UTF8.GetByteCount(path) <= Limits.MaxUnixPathBytes;
}
