"""What is to be done later in a replay."""

from workcell_console.agenda import NEVER_NS, Agenda


def test_what_is_due_is_done_once_and_in_the_order_of_its_times():
    agenda, done = Agenda(), []
    for due_ns in (30, 10, 20, 50):
        agenda.add(due_ns, lambda due_ns=due_ns: done.append(due_ns))
    assert agenda.next_ns == 10
    agenda.do_due(30)
    agenda.do_due(40)
    assert done == [10, 20, 30]
    assert agenda.next_ns == 50
    agenda.do_due(50)
    assert agenda.next_ns == NEVER_NS


def test_what_a_call_adds_is_done_the_next_time():
    agenda, done = Agenda(), []
    agenda.add(1, lambda: agenda.add(1, lambda: done.append("later")))
    agenda.do_due(1)
    assert done == []
    agenda.do_due(1)
    assert done == ["later"]
