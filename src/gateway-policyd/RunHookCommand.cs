using System.CommandLine;
using System.Net.Sockets;
using Qwamos.ControlBus.Files;
using Qwamos.ControlBus.Hosting.Commands;
using Qwamos.ControlBus.Hosting.Running;
using Qwamos.Gateway.Enforcing;

namespace Qwamos.Gateway;

/// <summary><c>gateway-policyd run-hook</c>: the program of <c>qwamos-hook@.service</c>. Standard input is the daemon's connection.</summary>
internal static class RunHookCommand
{
    public static Command Create()
    {
        var command = new Command("run-hook", "Run the one hook that the daemon asks for on standard input, a socket: what qwamos-hook@.service starts.");
        command.SetAction(DaemonCommandLine.Under((_, paths) => RunAsync(paths)));
        return command;
    }

    private static async Task<int> RunAsync(SystemPaths paths)
    {
        string? fault = Confinement.ForHooks(paths);
        ProcessSetup.Harden();
        fault ??= await ServeAsync(paths);
        if (fault is null)
            return ExitCodes.Done;
        Console.Error.WriteLine("gateway-policyd: " + SafeText.ForTerminal(fault));
        return ExitCodes.Failed;
    }

    private static async Task<string?> ServeAsync(SystemPaths paths)
    {
        const string Nobody = "run-hook is started by qwamos-hook.socket, for a connection of the daemon's";
        try
        {
            using var connection = new Socket(new SafeSocketHandle(0, ownsHandle: false));
            if (connection.AddressFamily != AddressFamily.Unix || connection.SocketType != SocketType.Stream)
                return Nobody;
            return await new HookConversation(new HookDirectory(paths, TimeProvider.System), TimeProvider.System).ServeAsync(connection);
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            return Nobody;
        }
    }
}
