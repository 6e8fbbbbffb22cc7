using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using Qwamos.SystemTests.Harness;
using Xunit;

namespace Qwamos.SystemTests;

/// <summary>ATTACKS 23 to 26 on the running daemon.</summary>
public sealed class ConnectionAttackTests : IDisposable
{
    private readonly Trial _trial = new();

    public void Dispose() => _trial.Dispose();

    [Fact]
    public void Attack23_ByteAtATime_IsServed()
    {
        _trial.StartDaemon();
        using BusClient client = _trial.Connect();
        foreach (byte one in _trial.Signer.SetPolicy("""{"RADIO_ISOLATION":"off"}"""))
            client.Send([one]);
        Assert.Equal("ok", client.Read().Code());
    }

    [Fact]
    public void Attack23_TenThousandIdleConnections_LeaveOthersServed()
    {
        const int Connections = 10_000;
        RunningProgram daemon = _trial.StartDaemon();
        var idle = new List<BusClient>(Connections);
        try
        {
            for (int i = 0; i < Connections; i++)
                idle.Add(_trial.Connect());
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.TooManyOpenSockets)
        {
            Assert.Skip($"this process may open only {idle.Count} sockets: raise 'ulimit -Hn' above {Connections + 200}");
        }

        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
        Assert.Equal("ok", idle[^1].Ask("""{"msg":{"command":"get_status"}}"""u8).Code());
        Assert.True(ResidentMegabytes(daemon.Id) < 160, $"{ResidentMegabytes(daemon.Id)} MB resident");
        idle.ForEach(client => client.Dispose());
        Assert.Equal("ok", _trial.Status().Code());
    }

    [Fact]
    public void Attack23_ConnectAndCloseStorm_LeavesOthersServed()
    {
        _trial.StartDaemon();
        Parallel.For(0, 5_000, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ =>
        {
            using BusClient client = _trial.Connect();
        });
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
    }

    [Fact]
    public void Attack23_FloodOfBadSignaturesFromAnotherUser_WritesNothing_AndOthersAreServed()
    {
        Needs.Root();
        Needs.Tool("setpriv");
        _trial.StartDaemon();
        OpenTo(_trial.BusSocket);
        JsonElement before = _trial.Status();
        // A copy, for the other user may not see into the folder of the repository.
        string script = Path.Combine(_trial.Root, "flood.py");
        File.Copy(Path.Combine(Binaries.Repository, "tests", "system", "flood.py"), script);
        File.SetUnixFileMode(script, File.GetUnixFileMode(script) | UnixFileMode.OtherRead);
        using var flood = RunningProgram.Start(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", script, _trial.BusSocket, "8"]);
        flood.WaitForLog("flooding");
        for (int i = 0; i < 50; i++)
            Assert.Equal("ok", _trial.Set("RADIO_IDLE_TIMEOUT_MIN", (i + 20).ToString(System.Globalization.CultureInfo.InvariantCulture)).Code());
        Assert.False(flood.HasExited, flood.Log);
        Assert.Equal(before.GetProperty("size").GetInt64() + 50, _trial.Status().GetProperty("size").GetInt64());
    }

    [Fact]
    public void Attack23_FloodOfCheapRequestsOnManyConnections_LeavesEachConnectionItsTurn()
    {
        const int Flooding = 8;
        _trial.StartDaemon();
        // Refused without a signature to verify: nothing but reading and parsing, as fast as the daemon answers.
        string refused = $"{{\"msg\":{{\"command\":\"get_status\",\"args\":{{\"x\":[{string.Join(',', Enumerable.Repeat("1", 600))}]}}}}}}\n";
        byte[] requests = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat(refused, 64)));
        int[] answered = new int[Flooding];
        BusClient[] clients = [.. Enumerable.Range(0, Flooding).Select(_ => _trial.Connect())];
        foreach (BusClient client in clients)
            (client.Socket.ReceiveTimeout, client.Socket.SendTimeout) = (0, 0);
        Thread[] senders = [.. clients.Select(client => new Thread(() => UntilClosed(() => client.Send(requests))))];
        Thread[] readers = [.. clients.Select((client, number) => new Thread(() =>
        {
            byte[] buffer = new byte[65_536];
            UntilClosed(() =>
            {
                int read = client.Socket.Receive(buffer);
                Interlocked.Add(ref answered[number], buffer.AsSpan(0, read > 0 ? read : throw new SocketException((int)SocketError.Shutdown)).Count((byte)'\n'));
            });
        }))];
        foreach (Thread thread in (Thread[])[.. senders, .. readers])
            thread.Start();
        try
        {
            // Whoever has a thread gives it up: each flooding connection goes on while the others do, again and again, and so does everybody else.
            for (int round = 0; round < 20; round++)
            {
                int[] before = [.. answered.Select((_, i) => Volatile.Read(ref answered[i]))];
                Assert.Equal("ok", _trial.Set("RADIO_IDLE_TIMEOUT_MIN", (round + 20).ToString(System.Globalization.CultureInfo.InvariantCulture)).Code());
                Eventually.True(() => before.Select((count, i) => Volatile.Read(ref answered[i]) > count).All(moved => moved), "each flooding connection is answered");
            }
        }
        finally
        {
            foreach (BusClient client in clients)
                client.Socket.Shutdown(SocketShutdown.Both);
            foreach (Thread thread in (Thread[])[.. senders, .. readers])
                thread.Join();
            foreach (BusClient client in clients)
                client.Dispose();
        }
    }

    private static void UntilClosed(Action step)
    {
        try
        {
            while (true)
                step();
        }
        catch (SocketException)
        {
            // The test is over.
        }
    }

    [Fact]
    public void Attack24_PeerThatNeverReads_IsClosed()
    {
        RunningProgram daemon = _trial.StartDaemon();
        using BusClient deaf = _trial.Connect();
        byte[] requests = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("{\"msg\":{\"command\":\"get_status\"}}\n", 1_000)));
        deaf.Socket.SendTimeout = 60_000;
        Action sendForEver = () =>
        {
            for (; ;)
                deaf.Send(requests);
        };
        SocketException closed = Assert.Throws<SocketException>(sendForEver);
        Assert.Contains(closed.SocketErrorCode, new[] { SocketError.Shutdown, SocketError.ConnectionReset, SocketError.ConnectionAborted });
        Assert.Equal("ok", _trial.Status().Code());
        Assert.True(ResidentMegabytes(daemon.Id) < 80, $"{ResidentMegabytes(daemon.Id)} MB resident");
    }

    [Fact]
    public void Attack25_SecondDaemon_RefusesToStart_AndTheFirstGoesOn()
    {
        _trial.StartDaemon();
        RunningProgram second = _trial.StartDaemon(waitReady: false);
        Assert.NotEqual(0, second.WaitForExit());
        Assert.Contains("another", second.Log);
        Assert.Equal("ok", _trial.Set("RADIO_ISOLATION", "\"off\"").Code());
    }

    [Fact]
    public void Attack25_DeadDaemonsSocket_IsTakenOver_WithTheRightMode()
    {
        _trial.StartDaemon().Kill9();
        Assert.True(File.Exists(_trial.BusSocket));
        _trial.StartDaemon();
        Assert.Equal("ok", _trial.Status().Code());
        Assert.Equal("660", Command.Run(["stat", "-c", "%a", _trial.BusSocket]).Output.Trim());
    }

    [Fact]
    public void Attack25_SquattedPath_StopsTheStart_AndIsLeftAlone()
    {
        _trial.Write("/run/qwamos/bus.sock", "precious");
        RunningProgram daemon = _trial.StartDaemon(waitReady: false);
        Assert.NotEqual(0, daemon.WaitForExit());
        Assert.Contains("bus.sock", daemon.Log);
        Assert.Equal("precious", File.ReadAllText(_trial.BusSocket));
    }

    [Fact]
    public void Attack25_ModeIsSetBeforeListening()
    {
        Needs.FaultInjection();
        using RunningProgram daemon = _trial.StartDaemon(["strace", "-f", "-e", "trace=bind,listen,chmod,fchmod,fchmodat"]);
        string[] calls = [.. daemon.Log.Split('\n').Where(line => line.Contains("bind(", StringComparison.Ordinal) || line.Contains("listen(", StringComparison.Ordinal)
            || (line.Contains("chmod", StringComparison.Ordinal) && line.Contains("0660", StringComparison.Ordinal)))];
        int bind = Array.FindIndex(calls, line => line.Contains("bus.sock", StringComparison.Ordinal) && line.Contains("bind(", StringComparison.Ordinal));
        int mode = Array.FindIndex(calls, line => line.Contains("0660", StringComparison.Ordinal));
        int listen = Array.FindIndex(calls, line => line.Contains("listen(", StringComparison.Ordinal));
        Assert.True(bind >= 0 && bind < mode && mode < listen, string.Join('\n', calls));
    }

    [Fact]
    public void SocketPathOver107Bytes_IsAClearError()
    {
        string deep = Path.Combine(_trial.Root, new string('d', 100));
        CommandResult result = Command.Run([Binaries.Daemon, "--root", deep]);
        Assert.NotEqual(0, result.ExitCode);
        Assert.DoesNotContain("Unhandled", result.Error);
    }

    [Fact]
    public void Attack26_PeerCredentialsAreTheKernels_AtConnect()
    {
        RunningProgram daemon = _trial.StartDaemon();
        using BusClient client = _trial.Connect();
        Assert.Equal("ok", client.Ask(_trial.Signer.SetPolicy("""{"RADIO_ISOLATION":"off"}""")).Code());
        Assert.Equal(0, daemon.Stop());
        JsonElement peer = PeerOfTheFirstEntry();
        Assert.Equal(Environment.ProcessId, peer.GetProperty("pid").GetInt32());
        Assert.Equal(Command.Run(["id", "-u"]).Output.Trim(), peer.GetProperty("uid").ToString());
        Assert.Equal(Command.Run(["id", "-g"]).Output.Trim(), peer.GetProperty("gid").ToString());
    }

    [Fact]
    public void Attack26_ConnectionPassedOnToAnotherUser_StillHasTheCredentialsOfWhoConnected_ThoughThatProcessIsGone()
    {
        Needs.Root();
        RunningProgram daemon = _trial.StartDaemon();
        string request = Encoding.UTF8.GetString(_trial.Signer.SetPolicy("""{"RADIO_ISOLATION":"off"}"""));
        using var passing = RunningProgram.Start(["/usr/bin/python3", Path.Combine(Binaries.Repository, "tests", "system", "peer.py"), _trial.BusSocket, request]);
        passing.WaitForLog("\"status\":\"ok\"");
        Assert.Equal(0, daemon.Stop());
        JsonElement peer = PeerOfTheFirstEntry();
        Assert.Equal(passing.Id, peer.GetProperty("pid").GetInt32());
        Assert.Equal(0, peer.GetProperty("uid").GetInt32());
        Assert.Equal(0, peer.GetProperty("gid").GetInt32());
    }

    [Fact]
    public void PipelinedRequests_AreAnsweredInOrder_AndStatusSeesWhatWasSentBefore()
    {
        _trial.StartDaemon();
        using BusClient client = _trial.Connect();
        TestSigner signer = _trial.Signer;
        for (int i = 0; i < 20; i++)
        {
            client.Send(signer.SetPolicy($"{{\"RADIO_IDLE_TIMEOUT_MIN\":{i + 20}}}"));
            client.Send("""{"msg":{"command":"get_status"}}"""u8);
        }

        for (int i = 0; i < 20; i++)
        {
            Assert.Equal("ok", client.Read().Code());
            Assert.InRange(int.Parse(client.Read().Policy("RADIO_IDLE_TIMEOUT_MIN")!, System.Globalization.CultureInfo.InvariantCulture), i + 20, 39);
        }
    }

    [Fact]
    public async Task Stop_WithRequestsInFlight_RecordsAndAnswersEach_OrNeither()
    {
        RunningProgram daemon = _trial.StartDaemon();
        TestSigner signer = _trial.Signer;
        byte[][] requests = [.. Enumerable.Range(0, 2_000).Select(i => signer.SetPolicy($"{{\"RADIO_IDLE_TIMEOUT_MIN\":{i % 900}}}"))];
        int accepted = 0;
        using BusClient client = _trial.Connect();
        Task reader = Task.Run(() =>
        {
            while (client.ReadLine() is { } line)
            {
                if (line.Contains("\"ok\"", StringComparison.Ordinal))
                    accepted++;
            }
        });
        Task writer = Task.Run(() =>
        {
            try
            {
                foreach (byte[] request in requests)
                    client.Send(request);
            }
            catch (SocketException)
            {
                // The daemon stopped reading: what this test is about.
            }
        });
        Eventually.True(() => Volatile.Read(ref accepted) > 50, "some requests are answered");
        Assert.Equal(0, daemon.Stop());
        await Task.WhenAll(reader, writer);
        _trial.StartDaemon();
        Assert.Equal(accepted, _trial.Status().GetProperty("size").GetInt64());
    }

    private JsonElement PeerOfTheFirstEntry()
    {
        using var connection = new SqliteConnection($"Data Source={_trial.LedgerFile};Mode=ReadOnly;Pooling=False");
        connection.Open();
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = "SELECT leaf FROM entries WHERE idx = 0";
        using var leaf = JsonDocument.Parse((byte[])command.ExecuteScalar()!);
        return leaf.RootElement.GetProperty("peer").Clone();
    }

    private void OpenTo(string socket)
    {
        File.SetUnixFileMode(socket, (UnixFileMode)0b110_110_110);
        foreach (string folder in new[] { _trial.Root, _trial.At("/run"), _trial.At("/run/qwamos") })
            File.SetUnixFileMode(folder, File.GetUnixFileMode(folder) | UnixFileMode.OtherExecute | UnixFileMode.OtherRead);
    }

    private static long ResidentMegabytes(int pid) =>
        long.Parse(File.ReadLines($"/proc/{pid}/status").First(line => line.StartsWith("VmRSS", StringComparison.Ordinal)).Split(':')[1].Replace("kB", "", StringComparison.Ordinal), System.Globalization.CultureInfo.InvariantCulture) / 1024;
}
