using System.Diagnostics;
using Xunit;

namespace Qwamos.SystemTests.Harness;

/// <summary>A helper of network.py that goes on until it is told to end.</summary>
internal sealed class NetworkHelper : IDisposable
{
    private readonly Process _process;

    public NetworkHelper(string[] command, string[] lines)
    {
        var start = new ProcessStartInfo(command[0]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach (string argument in command.Skip(1))
            start.ArgumentList.Add(argument);
        _process = Process.Start(start)!;
        if (lines.Length > 0)
            _process.StandardInput.Write(string.Concat(lines.Select(line => line + "\n")) + "\n");
        _process.StandardInput.Flush();
        Assert.NotNull(_process.StandardOutput.ReadLine());
    }

    /// <summary>Asks for its next line.</summary>
    public string Tell()
    {
        _process.StandardInput.Write("\n");
        _process.StandardInput.Flush();
        return _process.StandardOutput.ReadLine() ?? "";
    }

    /// <summary>Ends it, and gives what it says last.</summary>
    public string End()
    {
        _process.StandardInput.Close();
        string last = _process.StandardOutput.ReadToEnd().Trim();
        _process.WaitForExit();
        return last;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
        _process.Dispose();
    }
}
