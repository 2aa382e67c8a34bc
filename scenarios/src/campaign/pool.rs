//! A few threads that work through a list.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// Does all tasks, `jobs` at a time, and hands each result over on the calling thread as it comes.
pub fn for_each<T: Sync, R: Send>(
    jobs: usize,
    tasks: &[T],
    work: impl Fn(&T) -> R + Sync,
    mut done: impl FnMut(usize, R),
) {
    let next = AtomicUsize::new(0);
    // Workers wait when nobody takes what they made: results may be large.
    let (results, finished) = mpsc::sync_channel(jobs.max(1));
    thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, tasks.len().max(1)) {
            let (results, next, work) = (results.clone(), &next, &work);
            scope.spawn(move || {
                loop {
                    let task = next.fetch_add(1, Ordering::Relaxed);
                    let Some(input) = tasks.get(task) else { return };
                    if results.send((task, work(input))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(results);
        for (task, result) in finished {
            done(task, result);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::for_each;

    #[test]
    fn every_task_is_done_once() {
        for jobs in [1, 3, 50] {
            let tasks: Vec<usize> = (0..40).collect();
            let mut results = vec![0; tasks.len()];
            for_each(jobs, &tasks, |task| task * 2, |task, result| results[task] += result);
            assert!(results.iter().enumerate().all(|(task, result)| *result == task * 2));
        }
    }

    #[test]
    fn no_task_is_no_trouble() {
        for_each(4, &[] as &[u8], |_| (), |_, ()| panic!("there is no task"));
    }
}
