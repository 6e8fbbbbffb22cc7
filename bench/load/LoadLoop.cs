using System.Diagnostics;
using System.Text;

namespace Qwamos.Load;

/// <summary>
/// Sends everything from one thread: the cheapest load there is, so that the server has the cores. A lone client blocks in its one socket;
/// several are told apart by epoll.
/// </summary>
internal sealed class LoadLoop
{
    private const int MaxEvents = 128;

    private readonly LoadPlan _plan;
    private readonly Client[] _clients;
    private readonly LoadRecord _record = new();
    private readonly int _epoll;
    private long _start;
    private int _next;

    public LoadLoop(LoadPlan plan, Func<Conversation> conversation)
    {
        _plan = plan;
        byte[] path = Encoding.UTF8.GetBytes(plan.Socket);
        _clients = [.. Enumerable.Range(0, plan.Clients).Select(_ => new Client(conversation(), path, plan.Window))];
        _epoll = plan.Clients == 1 && plan.Pace != Pace.OpenLoop ? -1 : Libc.NewEpoll();
    }

    public LoadRecord Run()
    {
        Libc.WakeOnTime();
        for (int i = 0; i < _clients.Length && _plan.Pace != Pace.Connection; i++)
            _clients[i].Connect(_epoll, i);
        TimeSpan server = ServerCpu.Of(_plan.ServerPid), client = Environment.CpuUsage.TotalTime;
        _start = Stopwatch.GetTimestamp();
        if (_plan.Pace == Pace.OpenLoop)
            SendByTheClock();
        else
            SendWhenAnswered();
        _record.Elapsed = Stopwatch.GetElapsedTime(_start);
        _record.Sent = _next;
        _record.ServerCpu = ServerCpu.Of(_plan.ServerPid) - server;
        _record.ClientCpu = Environment.CpuUsage.TotalTime - client;
        return _record;
    }

    private void SendWhenAnswered()
    {
        for (int i = 0; i < _clients.Length; i++)
            Refill(i);
        Span<Libc.EpollEvent> events = stackalloc Libc.EpollEvent[MaxEvents];
        while (_record.Answered < _next)
        {
            if (_epoll < 0)
            {
                Receive(0, wait: true);
                continue;
            }
            int ready = Libc.Wait(_epoll, events, Timeout.InfiniteTimeSpan);
            for (int i = 0; i < ready; i++)
                Receive((int)events[i].Data, wait: false);
        }
    }

    private void Receive(int number, bool wait)
    {
        Client client = _clients[number];
        bool goesOn = client.Receive(wait, _record);
        if (client.Unanswered > 0 && !goesOn)
            throw new EndOfStreamException("the server closed the connection");
        if (_plan.Pace == Pace.Connection)
        {
            if (client.Unanswered > 0)
                return;
            client.Close();
        }
        Refill(number);
    }

    /// <summary>Refills by halves: a write for each answer would measure the client's system calls.</summary>
    private void Refill(int number)
    {
        Client client = _clients[number];
        if (client.Unanswered > _plan.Window / 2 || IsOver())
            return;
        long now = Stopwatch.GetTimestamp();
        if (_plan.Pace == Pace.Connection)
            client.Connect(_epoll, number);
        while (!client.IsFull && _next < _plan.Requests)
            client.Add(_next++, now);
        client.Flush();
    }

    private void SendByTheClock()
    {
        Span<Libc.EpollEvent> events = stackalloc Libc.EpollEvent[MaxEvents];
        while (!IsOver() || _record.Answered < _next)
        {
            long due = SendDue();
            TimeSpan wait = IsOver() ? Timeout.InfiniteTimeSpan : Stopwatch.GetElapsedTime(Stopwatch.GetTimestamp(), due);
            int ready = Libc.Wait(_epoll, events, IsOver() || wait > TimeSpan.Zero ? wait : TimeSpan.Zero);
            for (int i = 0; i < ready; i++)
                if (!_clients[(int)events[i].Data].Receive(wait: false, _record))
                    throw new EndOfStreamException("the server closed the connection");
        }
    }

    /// <summary>Sends what is due, in turns over the connections; when the next one is. One that finds every window full is sent later, and its latency still counts from when it was due.</summary>
    private long SendDue()
    {
        while (!IsOver())
        {
            long due = _start + (long)((double)_next / _plan.PerSecond * Stopwatch.Frequency);
            Client client = _clients[_next % _clients.Length];
            if (due > Stopwatch.GetTimestamp())
                return due;
            if (client.IsFull)
                // The next answer makes room: until then there is nothing to wait for but answers.
                return long.MaxValue;
            client.Add(_next++, due);
            client.Flush();
        }
        return long.MaxValue;
    }

    private bool IsOver() => _next >= _plan.Requests || Stopwatch.GetElapsedTime(_start) >= _plan.Limit;
}
