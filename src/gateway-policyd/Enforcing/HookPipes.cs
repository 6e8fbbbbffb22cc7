using System.Runtime.InteropServices;
using System.Text;

namespace Qwamos.Gateway.Enforcing;

/// <summary>The two pipes between the gateway and one hook, and the call that starts it between them.</summary>
internal sealed unsafe class HookPipes : IDisposable
{
    private readonly int[] _input = [-1, -1];
    private readonly int[] _output = [-1, -1];

    /// <summary>The reading end of what the hook prints; never blocks.</summary>
    public int Output => _output[0];

    /// <summary>Starts the executable; an error number, or 0 and its process and process group ID.</summary>
    public int Start(string path, IReadOnlyList<string> arguments, string environment, out int pid)
    {
        pid = 0;
        // Only our reading end does not block: the other is the hook's, whose programs expect a pipe that does.
        if (!TryOpen(_input) || !TryOpen(_output) || Native.Control(_output[0], Native.SetStatusFlags, Native.NonBlocking) != 0)
            return Marshal.GetLastPInvokeError();
        nint actions = Marshal.AllocHGlobal(Native.OpaqueBytes);
        nint attributes = Marshal.AllocHGlobal(Native.OpaqueBytes);
        byte*[] argv = ToPointers([path, .. arguments]);
        byte*[] envp = ToPointers([environment]);
        _ = Native.InitActions(actions);
        _ = Native.InitAttributes(attributes);
        try
        {
            int error = Prepare(actions, attributes);
            if (error != 0)
                return error;
            fixed (byte** argvStart = argv, envpStart = envp)
                return Native.Spawn(out pid, path, actions, attributes, argvStart, envpStart);
        }
        finally
        {
            _ = Native.DestroyActions(actions);
            _ = Native.DestroyAttributes(attributes);
            Marshal.FreeHGlobal(actions);
            Marshal.FreeHGlobal(attributes);
            Free(argv);
            Free(envp);
            Close(ref _input[0]);
            Close(ref _output[1]);
        }
    }

    /// <summary>Gives the hook its input and ends it. A hook that reads nothing loses nothing.</summary>
    public void WriteInput(ReadOnlySpan<byte> input)
    {
        while (!input.IsEmpty)
        {
            nint written = Native.Write(_input[1], input, input.Length);
            if (written <= 0)
                break;
            input = input[(int)written..];
        }

        Close(ref _input[1]);
    }

    public void Dispose()
    {
        Close(ref _input[0]);
        Close(ref _input[1]);
        Close(ref _output[0]);
        Close(ref _output[1]);
    }

    private int Prepare(nint actions, nint attributes)
    {
        nint signals = Marshal.AllocHGlobal(Native.OpaqueBytes);
        try
        {
            Span<int> results =
            [
                Native.AddDuplicate(actions, _input[0], 0),
                Native.AddDuplicate(actions, _output[1], 1),
                Native.AddDuplicate(actions, _output[1], 2),
                Native.AddCloseFrom(actions, 3),
                Native.AddChangeDirectory(actions, "/"),
                Native.SetProcessGroup(attributes, 0),
                // The runtime ignores SIGPIPE and handles others: the hook begins with the defaults, none blocked.
                Native.FillSet(signals),
                Native.SetSignalDefaults(attributes, signals),
                Native.EmptySet(signals),
                Native.SetSignalMask(attributes, signals),
                Native.SetFlags(attributes, Native.SpawnSetProcessGroup | Native.SpawnSetSignalDefaults | Native.SpawnSetSignalMask),
            ];
            foreach (int result in results)
            {
                if (result != 0)
                    return result;
            }

            return 0;
        }
        finally
        {
            Marshal.FreeHGlobal(signals);
        }
    }

    private static bool TryOpen(int[] ends)
    {
        fixed (int* start = ends)
            return Native.Pipe(start, Native.CloseOnExec) == 0;
    }

    private static byte*[] ToPointers(string[] texts)
    {
        var pointers = new byte*[texts.Length + 1];
        for (int i = 0; i < texts.Length; i++)
        {
            byte[] bytes = Encoding.UTF8.GetBytes(texts[i] + '\0');
            pointers[i] = (byte*)Marshal.AllocHGlobal(bytes.Length);
            bytes.CopyTo(new Span<byte>(pointers[i], bytes.Length));
        }

        return pointers;
    }

    private static void Free(byte*[] pointers)
    {
        foreach (byte* pointer in pointers)
            Marshal.FreeHGlobal((nint)pointer);
    }

    private static void Close(ref int descriptor)
    {
        if (descriptor >= 0)
            _ = Native.Close(descriptor);
        descriptor = -1;
    }
}
